package detect

import "github.com/hijackd/hijackd/schema"

// AppJudge looks at what the lanes counted of an app, and says what it recognises.
type AppJudge interface {
	Judge(a *App, say func(AppVerdict))
}

// App is what is kept of an app, as judges see it.
type App struct{}

// AppVerdict is what a judge recognised.
type AppVerdict struct{}

// apps is the part of a subject fold that is about apps.
type apps struct{}

func newApps(Options) *apps { return &apps{} }

func (a *apps) fold(e *schema.Sighting, out *Output) {}

func (a *apps) has(k schema.Key) bool { return false }

func (a *apps) load(k schema.Key, history []*schema.Sighting, complete bool) {}

func (a *apps) stored(before int64) {}

func (a *apps) pressed() bool { return false }

func (a *apps) len() int { return 0 }

func (a *apps) close() {}
