// Package guard stands before every door: who may ask, how, and how slowly.
//
// It refuses names of hosts that are not ours (DNS rebinding), pages of other origins, bodies that are not JSON, too
// large or too slow, and it bounds each write. How a refusal is written is the door's own dialect.
package guard

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Options says what passes.
type Options struct {
	Hosts   []string // names of this server besides localhost and IP addresses
	Origins []string // origins of pages that may ask besides our own, such as https://app.example
	MaxBody int64    // bytes
	// How long a body may take to arrive, and how long one write may wait for a slow client.
	BodyTimeout, WriteTimeout time.Duration
	// Refuse writes an error in the dialect of the path.
	Refuse func(w http.ResponseWriter, r *http.Request, httpStatus int, message string)
}

const corsMethods = "GET, HEAD, POST, OPTIONS"

// Wrap lets pass to next what the options allow.
func Wrap(next http.Handler, options Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-store")
		if !hostPasses(r.Host, options.Hosts) {
			options.Refuse(w, r, http.StatusMisdirectedRequest, "this server does not go by that name: see --allow-host")
			return
		}
		if !originPasses(w, r, options.Origins) {
			options.Refuse(w, r, http.StatusForbidden, "pages of that origin may not ask: see --allow-origin")
			return
		}
		if r.Method == http.MethodOptions {
			header.Set("Allow", corsMethods)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if r.Method == http.MethodPost {
			if httpStatus, message := takeBody(w, r, options); httpStatus != 0 {
				options.Refuse(w, r, httpStatus, message)
				return
			}
		}
		if r.Method == http.MethodHead { // as GET; the server leaves the body out
			r = r.Clone(r.Context())
			r.Method = http.MethodGet
		}
		next.ServeHTTP(&patientWriter{ResponseWriter: w, timeout: options.WriteTimeout}, r)
	})
}

// hostPasses takes IP addresses, which no foreign name can stand for, localhost, and the names of the options.
func hostPasses(hostport string, names []string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	return host == "localhost" || net.ParseIP(host) != nil || slices.Contains(names, host)
}

// originPasses tells whether the page that asks is ours or listed, and lets listed ones read the answer.
func originPasses(w http.ResponseWriter, r *http.Request, listed []string) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" { // not a page, or a page of ours that reads; a foreign page that reads without leave sees nothing
		return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Header.Get("Sec-Fetch-Site") != "cross-site"
	}
	if slices.Contains(listed, origin) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Allow-Methods", corsMethods)
		header.Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
		header.Set("Access-Control-Max-Age", "600")
		if wanted := r.Header.Get("Access-Control-Request-Headers"); wanted != "" {
			header.Set("Access-Control-Allow-Headers", wanted)
		}
		return true
	}
	page, err := url.Parse(origin)
	return err == nil && page.Host != "" && page.Host == r.Host
}

// takeBody reads the body whole, so that a slow one holds nothing but its own connection; 0 = it passes.
func takeBody(w http.ResponseWriter, r *http.Request, options Options) (httpStatus int, message string) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := strings.ToLower(parameters["charset"])
	if err != nil || kind != "application/json" || (charset != "" && charset != "utf-8") {
		return http.StatusUnsupportedMediaType, "the body must be JSON in UTF-8, with Content-Type: application/json"
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return http.StatusUnsupportedMediaType, "the body must not be compressed"
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(options.BodyTimeout)) // a test's recorder knows no deadlines
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, options.MaxBody))
	_ = control.SetReadDeadline(time.Time{})
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, "the body is larger than this server takes"
	case errors.As(err, &network) && network.Timeout():
		w.Header().Set("Connection", "close")
		return http.StatusRequestTimeout, "the body took too long to arrive"
	case err != nil:
		w.Header().Set("Connection", "close")
		return http.StatusBadRequest, "the body did not arrive whole"
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return 0, ""
}

// patientWriter bounds each write: a client that reads nothing is given up, and its call with it.
type patientWriter struct {
	http.ResponseWriter
	timeout time.Duration
}

func (w *patientWriter) Write(data []byte) (int, error) {
	w.extend()
	return w.ResponseWriter.Write(data)
}

// FlushError is what http.ResponseController calls.
func (w *patientWriter) FlushError() error {
	w.extend()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *patientWriter) extend() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.timeout))
}
