// SOQL by the parser of Jetstream, which knows the grammar: quotes, instants, order and limit; and its names by the description of
// the standard objects that jsforce has. A name that an org does not have is left out by our program and stays null, so that
// nobody else would notice one that no org has.
// node soql.cjs REQUESTS

const fs = require('node:fs');
const { parseQuery } = require('@jetstreamapp/soql-parser-js');
const { parameters, verdicts } = require('./verdicts.cjs');

const STANDARD = fs.readFileSync(require.resolve('@jsforce/jsforce-node/lib/types/standard-schema.d.ts'), 'utf8');

// Fields that only some orgs have, so that the description has them not: those of several currencies, and the primary contact.
const SOME = ['CurrencyIsoCode', 'Opportunity.ContactId'];

/** The fields of a standard object. */
function fields(object) {
  const [, members] = new RegExp(`^type Fields\\$${object} = \\{$(.*?)^\\};$`, 'ms').exec(STANDARD) ?? [];
  if (members === undefined) throw new Error(`there is no standard object ${object}`);
  return [...members.matchAll(/^\s+(\w+):/gm)].map(([, name]) => name);
}

/** The names of a condition, which is a chain of comparisons. */
const compared = (where) => (where ? [where.left?.field, ...compared(where.right)].filter(Boolean) : []);

verdicts(process.argv[2], (request) => {
  const given = parameters(request);
  if (given.length !== 1 || given[0][0] !== 'q') throw new Error(`not the one parameter q: ${request.query}`);
  const query = parseQuery(given[0][1]);
  const there = fields(query.sObject);
  const names = [...query.fields, ...(query.orderBy ?? [])].map((one) => one.field).concat(compared(query.where)).filter(Boolean);
  const custom = (name) => name.endsWith('__c') || SOME.includes(name) || SOME.includes(`${query.sObject}.${name}`);
  const unknown = names.find((name) => !there.includes(name) && !custom(name));
  if (unknown) throw new Error(`${query.sObject} has no field ${unknown}`);
});
