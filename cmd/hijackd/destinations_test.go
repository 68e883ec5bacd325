package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hijackd/hijackd/actions/idp"
	"github.com/hijackd/hijackd/actions/idp/idptest"
	"github.com/hijackd/hijackd/schema"
)

const testWebhookSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// everywhere is a configuration, as environment variables, with the webhook at url and every identity provider as a loopback server.
func everywhere(t *testing.T, url string) ([]string, map[string]*idptest.Server) {
	t.Helper()
	environ := []string{"HIJACKD_ACTIONS_REVOKE_URL=" + url, "HIJACKD_ACTIONS_REVOKE_SECRET=" + testWebhookSecret, "HIJACKD_ACTIONS_REVOKE_ALLOW_PRIVATE=true"}
	servers := map[string]*idptest.Server{}
	for _, name := range idp.Names() {
		s := idptest.New(t, name)
		servers[name] = s
		c := s.Config()
		values := map[string]string{
			"url": c.URL, "login_url": c.LoginURL, "realm": c.Realm, "tenant": c.Tenant, "client_id": c.ClientID, "client_secret_file": c.Secret + "\r\n",
			"token_file": c.Secret + "\n", "fallback_user": "true",
		}
		for _, k := range append(idp.Keys(name), "allow_private") {
			v := values[k]
			if k == "allow_private" {
				v = "true"
			}
			environ = append(environ, strings.TrimSuffix(variableOf("actions."+name+"."+k), "_FILE")+"="+v)
		}
	}
	return environ, servers
}

func testWith(t *testing.T, environ []string) outcome {
	t.Helper()
	var out, errs strings.Builder
	err := revokeTestCommand{}.Run(t.Context(), &process{strings.NewReader(""), &out, &errs, environ})
	code := exitDone
	if err != nil {
		code = (&process{stderr: &errs}).fail(err)
	}
	return outcome{code, out.String(), errs.String()}
}

func TestRevokeTestCallsEveryDestination(t *testing.T) {
	var body string
	webhook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
		official, err := standardwebhooks.NewWebhook(testWebhookSecret)
		if err != nil || official.Verify(b, r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer webhook.Close()
	environ, servers := everywhere(t, webhook.URL)
	got := testWith(t, environ)
	want := "webhook    ok      200\n"
	for _, name := range idp.Names() {
		want += name + strings.Repeat(" ", 11-len(name)) + "ok      credentials and rights are good\n"
	}
	if got != (outcome{exitDone, want, ""}) {
		t.Errorf("got %+v\nwant %s", got, want)
	}
	if !strings.HasPrefix(body, `{"type":"webhook.test",`) {
		t.Errorf("the webhook got %s", body)
	}

	servers[idp.Okta].Forbid()
	servers[idp.Keycloak].BefallTokens(idptest.Fault{Status: 401})
	got = testWith(t, environ)
	if got.code != exitFailed || !strings.Contains(got.stderr, "2 of 8 destinations failed") || strings.Count(got.stdout, "\n") != 8 ||
		!strings.Contains(got.stdout, "okta       failed  403: the credentials lack the admin role") ||
		!strings.Contains(got.stdout, "keycloak   failed  token endpoint: 401: the client's id or secret is not accepted") {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(got.stdout+got.stderr, idptest.Secret) || strings.Contains(got.stdout+got.stderr, "127.0.0.1") {
		t.Errorf("it says too much: %+v", got)
	}
}

func TestRevokeTestOfNothing(t *testing.T) {
	if got := testWith(t, nil); got.code != exitUsage || !strings.Contains(got.stderr, "no destination is configured") {
		t.Errorf("got %+v", got)
	}
}

func TestPresetsStandInAFixedOrder(t *testing.T) {
	environ, _ := everywhere(t, "http://127.0.0.1:1")
	c, warnings, err := Load("", environ)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, %v", warnings, err)
	}
	all, err := presets(c)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range all {
		names = append(names, d.Name)
		if webhook := d.Name == "webhook"; d.Takes(schema.BlockIP) != webhook || d.Takes(schema.NotifyUser) != webhook || !d.Takes(schema.RevokeSession) {
			t.Errorf("%s takes something else", d.Name)
		}
	}
	if want := []string{"webhook", "keycloak", "auth0", "okta", "entra", "kratos", "zitadel", "authentik"}; !slices.Equal(names, want) {
		t.Errorf("got %q", names)
	}
	if c, _, err = Load("", nil); err != nil {
		t.Fatal(err)
	}
	if all, err := presets(c); err != nil || len(all) > 0 {
		t.Errorf("of nothing: %v, %v", all, err)
	}
}

func TestDestinationsAreChecked(t *testing.T) {
	for name, tc := range map[string]struct{ yaml, want string }{
		"no realm":    {"actions:\n  keycloak: {url: 'https://id.example', client_id: h, client_secret_file: testdata/pepper}\n", "f:2: actions.keycloak.realm: missing"},
		"no token":    {"actions:\n  okta:\n    url: 'https://o.example'\n", "f:2: actions.okta.token_file: missing"},
		"http":        {"actions:\n  kratos:\n    url: 'http://o.example'\n", "f:3: actions.kratos.url: http is for private networks: use https or set allow_private"},
		"foreign key": {"actions:\n  zitadel:\n    realm: x\n", "f:3: actions.zitadel.realm: unknown key, did you mean actions.zitadel.url?"},
		"password":    {"actions:\n  kratos:\n    url: 'https://u:hunter2@o.example'\n", "f:3: actions.kratos.url: holds a user, a query or a fragment"},
		"cert alone":  {"actions:\n  revoke:\n    url: 'https://a.example'\n    cert_file: testdata/pepper\n", "f:2: actions.revoke.secret_file: missing; it holds the whsec_ secret that the receiver verifies\nf:2: actions.revoke.key_file: missing, while cert_file is set"},
	} {
		_, _, err := parseConfig("f", []byte(tc.yaml), nil)
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s: got\n%v\nwant\n%s", name, err, tc.want)
		}
	}
	_, warnings, err := parseConfig("f", []byte("actions:\n  entra: {tenant: t.example, client_id: c, client_secret_file: testdata/secret}\n"), nil)
	if err == nil {
		t.Errorf("a missing file is none: %v", warnings)
	}
	_, warnings, err = parseConfig("f", []byte("actions:\n  entra: {tenant: t.example, client_id: c}\n"), []string{"HIJACKD_ACTIONS_ENTRA_CLIENT_SECRET=s3cret"})
	if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0].String(), "f:2: actions.entra.fallback_user: is false: revoke_session does nothing") {
		t.Errorf("%v, %v", warnings, err)
	}
}

// The certificate of actions.revoke.cert_file is what the webhook sees.
func TestWebhookWithMutualTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	defer s.Close()
	own := s.TLS.Certificates[0] // the server's, shown by both sides
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]}))
	environ := []string{"HIJACKD_ACTIONS_REVOKE_URL=" + s.URL, "HIJACKD_ACTIONS_REVOKE_SECRET=" + testWebhookSecret,
		"HIJACKD_ACTIONS_REVOKE_ALLOW_PRIVATE=true", "HIJACKD_ACTIONS_REVOKE_CA=" + cert}
	if got := testWith(t, environ); got.stdout != "webhook    failed  403\n" || got.code != exitFailed {
		t.Errorf("without a certificate: %+v", got)
	}
	environ = append(environ, "HIJACKD_ACTIONS_REVOKE_CERT="+cert,
		"HIJACKD_ACTIONS_REVOKE_KEY="+string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	if got := testWith(t, environ); got.stdout != "webhook    ok      200\n" || got.code != exitDone {
		t.Errorf("with the certificate: %+v", got)
	}
}
