package revoke

import (
	"context"
	"net"
	"net/http"
)

// Dial makes w connect through dial in place of the network, before its first call: to a receiver in the same process. Which addresses are
// allowed is then dial's own business; everything else is as before.
func (w *Webhook) Dial(dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	if t, ok := w.client.Transport.(*http.Transport); ok {
		t.DialContext = dial
	}
}
