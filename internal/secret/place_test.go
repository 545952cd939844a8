package secret_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"testing"

	"github.com/seed-1574e9de/ordeal/internal/secret"
)

func TestMask(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", `{"id":7,"name":"a@b: c"}`, `{"id":7,"name":"a@b: c"}`},
		{"JSON", `{"token": "x\"y", "id": 7, "password":"p"}`, `{"token": "***", "id": 7, "password":"***"}`},
		{"JSON, numbers", `{"secret":42,"token":null,"pass":true,"pwd":-1.5e+3}`, `{"secret":***,"token":null,"pass":true,"pwd":***}`},
		{"JSON, below", `{"user":{"password":"p","id":"c"},"l":["a",{"pwd":"b"}]}`, `{"user":{"password":"***","id":"c"},"l":["a",{"pwd":"***"}]}`},
		{"JSON, a key of words", `{"pass word": "a", "no": "c"}`, `{"pass word": "***", "no": "c"}`},
		{"JSON, figures", `{"max_tokens":2000,"token_ttl":60,"pin_token":77}`, `{"max_tokens":2000,"token_ttl":60,"pin_token":***}`},
		{"JSON, everyday words", `{"key":"colour","pat":"terns","api_key":"a"}`, `{"key":"colour","pat":"terns","api_key":"***"}`},
		{"JSON in a message", "found `{\"token\":\"a\\\"b\",\"id\":\"c\"}`", "found `{\"token\":\"***\",\"id\":\"c\"}`"},
		{"form in a message", "found `token=abc`, and \"pwd=x\"", "found `token=***`, and \"pwd=***\""},
		{"argument", "./api --token=abc --port=1", "./api --token=*** --port=1"},
		{"JSON that is cut", `{"token":"abc`, `{"token":"***`},
		{"JSON that is cut in an escape", `{"token":"abc\`, `{"token":"***\`},
		{"masked before", `{"password":"***","id":"c"}`, `{"password":"***","id":"c"}`},
		{"form", "user=x&password=a,b;c&id=7", "user=x&password=***&id=7"},
		{"form, nested names", "user[password]=a&user%5Btoken%5D=b&id=7", "user[password]=***&user%5Btoken%5D=***&id=7"},
		{"form, figures", "max_tokens=2000&key=abc&token=7", "max_tokens=2000&key=***&token=***"},
		{"query", "/a?id=1&access_token=abc#top", "/a?id=1&access_token=***#top"},
		{"query in a text", `see "/a?token=abc" or pwd=x`, `see "/a?token=***" or pwd=***`},
		{"a word that is looked for", "/search?key=electronics", "/search?key=***"},
		{"empty", `password=&token=""`, `password=&token=""`},
		{"URL", "see http://u:p%40w@h/?b=c, https://h/x@y", "see http://u:***@h/?b=c, https://h/x@y"},
		{"URL that is broken", "http://u:p#w?x@h/", "http://u:***@h/"},
		{"URL with a token for user", "https://ghp@h/", "https://***@h/"},
		{"no template is cut in two", `password={{ .pw }}&id=7`, `password=***&id=7`},
		{"a template for a value", `{"password": {{ .pw }}, "id": 7}`, `{"password": {{ .pw }}, "id": 7}`},
		{"a key without a value", `"token":`, `"token":`},
	} {
		if got := secret.Mask(tt.in); got != tt.want {
			t.Errorf("%s: %s becomes %s, want %s", tt.name, tt.in, got, tt.want)
		}
	}
	const in = `{"password":"{{ .pw }}","token":"abc"} /?token={{ .t }}&pwd=x`
	if got, want := secret.MaskLiteral(in), `{"password":"{{ .pw }}","token":"***"} /?token={{ .t }}&pwd=***`; got != want {
		t.Errorf("expected %s, found %s", want, got)
	}
}

// Whatever a value is: where it is encoded as it should be, it is hidden whole.
func FuzzMask(f *testing.F) {
	for _, s := range []string{"a", `a"b\`, "c&d=e", "{{ x }}", "\n\x00ä<>", `\"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" {
			return
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		for in, want := range map[string]string{
			`{"token":` + string(b) + `,"id":"c"}`:               `{"token":"***","id":"c"}`,
			"a=b&token=" + url.QueryEscape(s) + "&id=c":          "a=b&token=***&id=c",
			"http://u:" + url.QueryEscape(s) + "@h/x http://h/y": "http://u:***@h/x http://h/y",
		} {
			if got := secret.Mask(in); got != want {
				t.Errorf("%s becomes %s, want %s", in, got, want)
			}
		}
	})
}

func TestInURL(t *testing.T) {
	got := secret.InURL("see http://us:p%40w0rd@h/ and http://tok@h")
	for _, want := range []string{"p%40w0rd", "p@w0rd", base64.StdEncoding.EncodeToString([]byte("us:p@w0rd")), base64.StdEncoding.EncodeToString([]byte("tok:"))} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %q", want, got)
		}
	}
}

func TestInHeader(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        []string
	}{
		{"Authorization", "Bearer abc", []string{"Bearer abc", "abc"}},
		{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("u:pw:x")), []string{"u:pw:x", "pw:x"}},
		{"Cookie", "a=1; b=two", []string{"1", "two"}},
		{"Set-Cookie", "sid=abc; Path=/admin", []string{"abc"}},
		{"X-Api-Key", "abc", []string{"abc"}},
	} {
		got := secret.InHeader(tt.name, tt.value)
		for _, want := range tt.want {
			if !slices.Contains(got, want) {
				t.Errorf("%s: %s: %q is not in %q", tt.name, tt.value, want, got)
			}
		}
		if slices.Contains(got, "/admin") {
			t.Errorf("an attribute is no secret: %q", got)
		}
	}
}
