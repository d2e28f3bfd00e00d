// Pipedrive by its own client, generated from its OpenAPI: told to make the same call, it must send the same request. What it
// does not know, it leaves out.
// node pipedrive.cjs REQUESTS

const pipedrive = require('pipedrive');
const { parameters, verdicts } = require('./verdicts.cjs');

const CALLS = {
  '/api/v2/persons': ['v2', 'PersonsApi', 'getPersons'],
  '/api/v2/organizations': ['v2', 'OrganizationsApi', 'getOrganizations'],
  '/api/v2/deals': ['v2', 'DealsApi', 'getDeals'],
  '/api/v2/deals/archived': ['v2', 'DealsApi', 'getArchivedDeals'],
  '/api/v2/activities': ['v2', 'ActivitiesApi', 'getActivities'],
  '/api/v2/products': ['v2', 'ProductsApi', 'getProducts'],
  '/api/v2/pipelines': ['v2', 'PipelinesApi', 'getPipelines'],
  '/api/v2/stages': ['v2', 'StagesApi', 'getStages'],
  '/api/v1/leads': ['v1', 'LeadsApi', 'getLeads'],
};

/** What the client would send, in the place of sending it. */
async function sent(version, api, call, given) {
  let request;
  const client = new pipedrive[version][api](new pipedrive[version].Configuration({ apiKey: 'key' }));
  client.axios = { request: async (options) => (request = options) };
  await client[call](given);
  const url = new URL(request.url);
  // The client asks api.pipedrive.com; below a company's own domain version 1 stands under /api as well.
  return { method: request.method, path: url.pathname.replace(/^\/v1/, '/api/v1'), parameters: [...url.searchParams] };
}

/** In one order: that of parameters tells nothing. */
const text = ({ method, path, parameters }) => JSON.stringify([method, path, parameters.map(String).sort()]);

verdicts(process.argv[2], async (request) => {
  const call = CALLS[request.path];
  if (!call) throw new Error('the client has no such call');
  const ours = { method: request.method, path: request.path, parameters: parameters(request) };
  const theirs = await sent(...call, Object.fromEntries(ours.parameters));
  if (text(ours) !== text(theirs)) throw new Error(`the client sends ${text(theirs)}`);
});
