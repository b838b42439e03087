// The description of the routes, /openapi.json, for people: each route with its bodies, each type with its fields.
const $ = (id) => document.getElementById(id);

function made(name, ...children) {
  const element = document.createElement(name);
  element.append(...children);
  return element;
}

function linked(schema) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1);
    const link = made("a", name);
    link.href = `#${name}`;
    return link;
  }
  if (schema.type === "array") return made("span", "list of ", linked(schema.items ?? {}));
  if (schema.properties) return made("span", ...Object.entries(schema.properties).flatMap(([name, of], index) => [index ? " or " : "", `{${name}: `, linked(of), "}"]));
  return made("span", [schema.type, schema.format && `(${schema.format})`].filter(Boolean).join(" ") || "any");
}

function prose(text) {
  const paragraph = made("p", text ?? "");
  paragraph.className = "text";
  return paragraph;
}

function bodies(content) {
  return Object.entries(content ?? {}).map(([kind, { schema }]) => made("li", made("code", kind), " ", linked(schema ?? {})));
}

function route(path, method, operation) {
  const verb = made("span", method.toUpperCase());
  verb.className = "method";
  const details = made("details", made("summary", verb, made("code", path), " ", operation.summary ?? ""));
  details.append(prose(operation.description));
  if (operation.requestBody) details.append(made("h3", "Body"), made("ul", ...bodies(operation.requestBody.content)));
  for (const [code, answer] of Object.entries(operation.responses)) {
    details.append(made("h3", code === "default" ? "Errors" : `Answer ${code}`), made("ul", ...bodies(answer.content)));
  }
  details.dataset.text = `${method} ${path} ${operation.operationId} ${operation.summary ?? ""}`.toLowerCase();
  return details;
}

function type(name, schema) {
  const details = made("details", made("summary", made("code", name), " ", schema.title ?? ""));
  details.id = name;
  details.dataset.text = `${name} ${Object.keys(schema.properties ?? {}).join(" ")} ${(schema.enum ?? []).join(" ")}`.toLowerCase();
  details.append(prose(schema.description));
  if (schema.enum) details.append(made("ul", ...schema.enum.map((value) => made("li", made("code", value)))));
  if (schema.properties) {
    const rows = Object.entries(schema.properties).map(([field, of]) => made("tr", made("td", made("code", field)), made("td", linked(of)), made("td", of.title ?? "", " ", of.description ?? "")));
    const table = made("table", made("tbody", ...rows));
    table.className = "fields";
    details.append(table);
  }
  return details;
}

function find() {
  const wanted = $("find").value.trim().toLowerCase();
  for (const entry of document.querySelectorAll("[data-text]")) entry.hidden = !entry.dataset.text.includes(wanted);
}

function open() {
  const entry = location.hash && document.getElementById(location.hash.slice(1));
  if (entry) {
    entry.open = true;
    entry.scrollIntoView();
  }
}

async function load() {
  const document = await (await fetch("/openapi.json")).json();
  $("about").textContent = document.info.description;
  const routes = Object.entries(document.paths).flatMap(([path, operations]) => Object.entries(operations).map(([method, operation]) => route(path, method, operation)));
  $("routes").replaceChildren(...routes);
  $("types").replaceChildren(...Object.entries(document.components.schemas).map(([name, schema]) => type(name, schema)));
  open();
}

document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "";
$("find").addEventListener("input", find);
addEventListener("hashchange", open);
load().catch((error) => {
  $("error").textContent = `The description cannot be read: ${error.message}`;
  $("error").hidden = false;
});
