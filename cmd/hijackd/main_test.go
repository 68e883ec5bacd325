package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const pepper = "hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// outcome is what a command line came to.
type outcome struct {
	code           int
	stdout, stderr string
}

func invoke(t *testing.T, stdin string, environ []string, args ...string) outcome {
	t.Helper()
	var out, errs strings.Builder
	code := run(t.Context(), args, &process{strings.NewReader(stdin), &out, &errs, environ})
	return outcome{code, out.String(), errs.String()}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommandLine(t *testing.T) {
	pepperFile := write(t, "pepper", pepper+"\r\n")
	config := write(t, "hijackd.yaml", "fingerprint: {pepper_file: '"+pepperFile+"'}\n")
	bad := write(t, "bad.yaml", "kafka:\n  broker: [a:1]\n")
	short := write(t, "short.yaml", "fingerprint:\n  pepper_file: '"+write(t, "short", "hunter2\n")+"'\n")
	for name, tc := range map[string]struct {
		args    []string
		stdin   string
		environ []string
		want    outcome // stdout and stderr: what they contain; empty: nothing at all
	}{
		"no command shows help":     {want: outcome{0, "Usage: hijackd <command>", ""}},
		"help":                      {args: []string{"check", "--help"}, want: outcome{0, "--config=FILE", ""}},
		"unknown command":           {args: []string{"frobnicate"}, want: outcome{2, "", "hijackd: unexpected argument frobnicate"}},
		"unknown flag":              {args: []string{"check", "--frob"}, want: outcome{2, "", "unknown flag --frob"}},
		"version":                   {args: []string{"version"}, want: outcome{0, "hijackd ", ""}},
		"check":                     {args: []string{"check", "-c", config}, want: outcome{0, "the configuration is valid\n", ""}},
		"check prints no secret":    {args: []string{"check", "--print"}, environ: []string{"HIJACKD_FINGERPRINT_PEPPER=" + pepper}, want: outcome{0, "fingerprint.pepper_file: [redacted]\n", ""}},
		"check warns of variables":  {args: []string{"check", "-c", config}, environ: []string{"HIJACKD_KAFKA_TOPICS=x"}, want: outcome{0, "valid", "warning: environment: HIJACKD_KAFKA_TOPICS: unknown variable, did you mean HIJACKD_KAFKA_TOPIC?\n"}},
		"check warns of no pepper":  {args: []string{"check"}, want: outcome{0, "valid", "warning: fingerprint.pepper_file: is not set"}},
		"check of a bad file":       {args: []string{"check", "-c", bad}, want: outcome{2, "", "bad.yaml:2: kafka.broker: unknown key, did you mean kafka.brokers?\n"}},
		"check of no file":          {args: []string{"check", "-c", "none.yaml"}, want: outcome{2, "", "hijackd: read configuration: none.yaml: no such file or directory\n"}},
		"check of a bad database":   {args: []string{"check", "-c", "testdata/bad-geoip.yaml"}, want: outcome{2, "", "testdata/bad-geoip.yaml:1: geoip.city: "}},
		"check of a short pepper":   {args: []string{"check", "-c", short}, want: outcome{2, "", "short.yaml:2: fingerprint.pepper_file: the pepper is shorter than 32 bytes\n"}},
		"fingerprint":               {args: []string{"fingerprint", "-c", config}, stdin: "SESSION-01234567", want: outcome{0, "h1:k1:RaJMbMFAaRsshRqp6m8BFg\n", ""}},
		"fingerprint, line break":   {args: []string{"fingerprint", "-c", config}, stdin: "SESSION-01234567\r\n", want: outcome{0, "h1:k1:RaJMbMFAaRsshRqp6m8BFg\n", ""}},
		"fingerprint, environment":  {args: []string{"fingerprint"}, stdin: "SESSION-01234567\n", environ: []string{"HIJACKD_FINGERPRINT_PEPPER=" + pepper, "HIJACKD_FINGERPRINT_KID=k2"}, want: outcome{0, "h1:k2:", ""}},
		"fingerprint of nothing":    {args: []string{"fingerprint", "-c", config}, stdin: "\n", want: outcome{2, "", "hijackd: no token on standard input\n"}},
		"fingerprint, no pepper":    {args: []string{"fingerprint"}, stdin: "x", want: outcome{2, "", "hijackd: fingerprint.pepper_file is not set\n"}},
		"fingerprint never of argv": {args: []string{"fingerprint", "hunter2"}, want: outcome{2, "", "unexpected argument"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := invoke(t, tc.stdin, tc.environ, tc.args...)
			if got.code != tc.want.code || !matches(got.stdout, tc.want.stdout) || !matches(got.stderr, tc.want.stderr) {
				t.Errorf("exit %d, want %d\nstdout: %q, want %q\nstderr: %q, want %q",
					got.code, tc.want.code, got.stdout, tc.want.stdout, got.stderr, tc.want.stderr)
			}
		})
	}
}

func matches(got, want string) bool {
	if want == "" {
		return got == ""
	}
	return strings.Contains(got, want)
}

func TestFingerprintRemovesOneLineBreakOnly(t *testing.T) {
	environ := []string{"HIJACKD_FINGERPRINT_PEPPER=" + pepper}
	one, two := invoke(t, "token\n", environ, "fingerprint"), invoke(t, "token\n\n", environ, "fingerprint")
	if one.stdout == two.stdout || one.code != 0 || two.code != 0 {
		t.Errorf("one line break gives %q, two give %q", one.stdout, two.stdout)
	}
}
