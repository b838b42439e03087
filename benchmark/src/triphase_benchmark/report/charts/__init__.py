"""One file for each kind of picture: values that are small already go in, a Vega-Lite chart comes out."""
