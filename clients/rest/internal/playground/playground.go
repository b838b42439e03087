// Package playground serves two pages: one to try models on, and one to read the routes in.
//
// They are embedded as they stand in page/: nothing builds them, and they load nothing from elsewhere. What they may load
// and do is the policy below.
package playground

import (
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

//go:embed page
var page embed.FS

// Scripts and styles of this origin alone, none in the markup; no frames, no forms, no plugins.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// The types are said here: those of the machine differ.
var kinds = map[string]string{".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

// Register puts the pages on / and /docs, and what they load below /page/.
func Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", serve("index.html"))
	mux.HandleFunc("GET /docs", serve("docs.html"))
	files, err := fs.Glob(page, "page/*")
	if err != nil {
		panic(err) // of a pattern that is malformed
	}
	for _, file := range files {
		if name := path.Base(file); path.Ext(name) != ".html" {
			mux.HandleFunc("GET /page/"+name, serve(name))
		}
	}
}

func serve(name string) http.HandlerFunc {
	text, err := page.ReadFile("page/" + name)
	if err != nil {
		panic(err) // of a name that is not embedded
	}
	kind := mime.FormatMediaType(kinds[path.Ext(name)], map[string]string{"charset": "utf-8"})
	return func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Content-Type", kind)
		header.Set("Content-Security-Policy", policy)
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		_, _ = w.Write(text) // a client that has gone needs no answer
	}
}
