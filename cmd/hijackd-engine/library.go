package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// findLibrary looks for libchdb.so: where the flag says, $HIJACKD_LIBCHDB, beside this binary, in the cache folder
// that `make engine` fills.
func findLibrary(flagged string) (string, error) {
	var candidates []string
	switch named := os.Getenv("HIJACKD_LIBCHDB"); {
	case flagged != "":
		candidates = []string{flagged}
	case named != "":
		candidates = []string{named}
	default:
		if self, err := os.Executable(); err == nil {
			candidates = append(candidates, filepath.Join(filepath.Dir(self), "libchdb.so"))
		}
		if cache := cacheFolder(); cache != "" {
			candidates = append(candidates, filepath.Join(cache, "libchdb", "libchdb.so"))
		}
	}
	for _, path := range candidates {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("libchdb.so is missing (looked for %q): `make engine` fetches it", candidates)
}

func cacheFolder() string {
	if named := os.Getenv("HIJACKD_CACHE"); named != "" {
		return named
	}
	cache, err := os.UserCacheDir() // $XDG_CACHE_HOME, ~/.cache
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "hijackd")
}
