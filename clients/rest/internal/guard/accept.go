package guard

import (
	"mime"
	"strconv"
	"strings"
)

// Accepted returns the offer that the Accept headers like best, the first of equals, or "" where they like none.
//
// As in RFC 9110, section 12.5.1: the most specific range that fits an offer gives its weight.
func Accepted(headers, offers []string) string {
	text := strings.TrimSpace(strings.Join(headers, ","))
	if text == "" {
		return offers[0]
	}
	best, bestWeight := "", 0.0
	for _, offer := range offers {
		if weight := weightOf(offer, text); weight > bestWeight {
			best, bestWeight = offer, weight
		}
	}
	return best
}

func weightOf(offer, accept string) float64 {
	family, _, _ := strings.Cut(offer, "/")
	weight, closest := 0.0, 0
	for part := range strings.SplitSeq(accept, ",") {
		kind, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		closeness := map[string]int{"*/*": 1, family + "/*": 2, offer: 3}[kind]
		if closeness <= closest {
			continue
		}
		q := 1.0
		if given, ok := parameters["q"]; ok {
			if q, err = strconv.ParseFloat(given, 64); err != nil || q < 0 || q > 1 {
				continue
			}
		}
		weight, closest = q, closeness
	}
	return weight
}

// Listed writes names as a sentence does: a, b or c.
func Listed(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
