package secret

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", `{"id":7,"name":"a@b: c"}`, `{"id":7,"name":"a@b: c"}`},
		{"JSON", `{"token": "x\"y", "id": 7, "password":"p"}`, `{"token": "***", "id": 7, "password":"***"}`},
		{"JSON, numbers and words", `{"secret":42,"token":null,"pass":true,"pwd":-1.5e+3}`, `{"secret":***,"token":null,"pass":true,"pwd":***}`},
		{"JSON, a list", `{"passwords":["a","b",7],"id":["c"]}`, `{"passwords":["***","***",***],"id":["c"]}`},
		{"JSON, an object", `{"credentials":{"user":"u","n":3,"more":[{"k":"v"}]},"id":"c"}`, `{"credentials":{"user":"***","n":3,"more":[{"k":"***"}]},"id":"c"}`},
		{"JSON, a key of words", `{"pass word": "a", "my api key": "b", "no": "c", "b": "{\"pass word\":\"d\"}"}`, `{"pass word": "***", "my api key": "***", "no": "c", "b": "{\"pass word\":\"***\"}"}`},
		{"JSON, figures", `{"max_tokens":2000,"token_ttl":60,"tokens":[1,"a"],"pin_token":77}`, `{"max_tokens":2000,"token_ttl":60,"tokens":[1,"***"],"pin_token":***}`},
		{"JSON, everyday words", `{"key":"colour","pat":"terns","api_key":"a","userKey":"b"}`, `{"key":"colour","pat":"terns","api_key":"***","userKey":"***"}`},
		{"form, figures", "max_tokens=2000&key=abc&token=7", "max_tokens=2000&key=***&token=***"},
		{"masked before", `{"password":***,"id":"c"} password=***&id=c`, `{"password":***,"id":"c"} password=***&id=c`},
		{"JSON in JSON", `{"b":"{\"password\":\"a\\\"b\\\\\",\"id\":\"c\"}","id":"d"}`, `{"b":"{\"password\":\"***\",\"id\":\"c\"}","id":"d"}`},
		{"JSON in JSON, cut inside", `{"b":"{\"tokens\":[\"a","id":"d"}`, `{"b":"{\"tokens\":[\"***","id":"d"}`},
		{"JSON that is cut", `{"token":"abc`, `{"token":"***`},
		{"JSON that is cut in a list", `{"tokens":["abc", "d`, `{"tokens":["***", "***`},
		{"JSON that ends after a backslash", `{"token":"abc\`, `{"token":"***`},
		{"other quotes", `{'token': 'it\'s', "b": 1}`, `{'token': '***', "b": 1}`},
		{"in a text", `echo POST body={"password":"x"} end`, `echo POST body={"password":"***"} end`},
		{"form", "user=x&password=a,b;c&id=7", "user=x&password=***&id=7"},
		{"form, nested names", "user[password]=a&user%5Btoken%5D=b&id=7", "user[password]=***&user%5Btoken%5D=***&id=7"},
		{"query", "/a?id=1&access_token=abc#top", "/a?id=1&access_token=***#top"},
		{"attribute", `<a token="abc" id="7">`, `<a token="***" id="7">`},
		{"empty", `password=&token=""`, `password=&token=""`},
		{"URL", "see http://u:p%40w@h/a?b=c, https://h/x@y", "see http://u:***@h/a?b=c, https://h/x@y"},
		{"URL with a token for user", "https://ghp@h/", "https://***@h/"},
		{"no template is cut in two", `password={{ .pw }}&id=7`, `password=***&id=7`},
		{"a template for a value", `{"password": {{ .pw }}, "id": 7}`, `{"password": {{ .pw }}, "id": 7}`},
		{"a key that ends the text", `"token"`, `"token"`},
		{"a key without a value", `"token":`, `"token":`},
		{"more ends than beginnings", `{"token":}]`, `{"token":}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Mask(tt.in); got != tt.want {
				t.Errorf("expected %s\nfound    %s", tt.want, got)
			}
		})
	}
	if got := MaskLiteral(`{"password":"{{ index . "x" }}","token":"lit"}`); got != `{"password":"{{ index . "x" }}","token":"***"}` {
		t.Errorf("found %s", got)
	}
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"JSON", `{"token":"a\u00f6\/b"}`, []string{`a\u00f6\/b`, "aö/b"}},
		{"JSON in JSON", `{"b":"{\"token\":\"a\\\"b\"}"}`, []string{`a\\\"b`, `a\"b`, `a"b`}},
		{"form", "password=a%2Bb+c", []string{"a%2Bb+c", "a+b c"}},
		{"end of a text", "(token=abc).", []string{"abc).", "abc"}},
		{"URL", "http://us%20r:p%40w@h/", []string{"p%40w", "p@w", "dXMgcjpwQHc="}},
		{"URL with a user", "http://user@h/", []string{"dXNlcjo="}},
		{"templates", `{"token":"{{ .t }}"}`, nil},
		{"figures", `{"max_tokens":2000}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Find(tt.in); !slices.Equal(got, tt.want) {
				t.Errorf("expected %q, found %q", tt.want, got)
			}
		})
	}
	for in, want := range map[string]string{
		"postgres://u:p#w/x@h/db": "p#w/x", "postgres://u:pw@h/db": "pw", "http://h:80/a?e=x@y": "", "jdbc:x://h/db?user=u&password=pw2": "pw2",
	} {
		if got := FindInURL(in); want == "" && got != nil || want != "" && !slices.Contains(got, want) {
			t.Errorf("%s: expected %q, found %q", in, want, got)
		}
	}
}

// What everything is searched for must be more than a word.
func TestFindTelling(t *testing.T) {
	const in = `{"pass":"steady","password":"hunter-22","token":1234567890} token=short http://u:pw12@h/`
	if got, want := FindTelling(in), []string{"hunter-22", "pw12", "pw12", "dTpwdzEy"}; !slices.Equal(got, want) {
		t.Errorf("expected %q, found %q", want, got)
	}
}

// A text full of templates that never end takes no longer than any other.
func TestTemplatesWithoutEnd(t *testing.T) {
	s := &templates{s: "token=" + strings.Repeat("{", 1<<10)}
	each(s.s, func(place) {})
	s.fieldValue(len("token="), false, func(place) {})
	if !s.none {
		t.Error("the end is looked for again and again")
	}
}

func TestInHeader(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"Authorization", "Bearer abc", "abc"},
		{"Authorization", "Basic dXNlcjpwdw==", "pw"},
		{"Authorization", "Basic dXNlcjpwdw==", "dXNlcjpwdw=="},
		{"Cookie", "a=1; sid=xyz", "xyz"},
		{"Set-Cookie", "sid=xyz; Path=/; Max-Age=3600", "xyz"},
		{"X-Api-Key", "k", "k"},
	} {
		got := InHeader(tt.name, tt.value)
		if !slices.Contains(got, tt.want) || !slices.Contains(got, tt.value) {
			t.Errorf("%s: %s: found %q, without %q", tt.name, tt.value, got, tt.want)
		}
	}
	if got := InHeader("Set-Cookie", "sid=xyz; Max-Age=3600"); slices.Contains(got, "3600") {
		t.Errorf("an attribute is no secret: %q", got)
	}
}

// Whatever comes, all of it ends, and what is no empty text is masked under a secret name.
func FuzzMask(f *testing.F) {
	for _, s := range []string{`{"token":"a","x":{"pwd":["b"]}}`, `"{\"key\":\"\\\"\"}`, "a://b:c@d?token={{ .x }}&pass=", `'auth':[{'"`, `"key":{{`, "token={{{{{{{{", `{"token":"{{ {{ {{ `, `{"pass word":***,"a":"b"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		Mask(s)
		Find(s)
		NewRedactor([]string{s}).Text(s + "…")
		if b, err := json.Marshal(map[string]string{"token": s}); err == nil && strings.Contains(Mask(string(b)), "***") == (s == "") {
			t.Errorf("%s becomes %s", b, Mask(string(b)))
		}
	})
}
