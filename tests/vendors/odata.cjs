// OData URLs by a parser made after the grammar of OASIS: resource path and system query options.
// node odata.cjs REQUESTS

const { defaultParser } = require('@odata/parser');
const { verdicts } = require('./verdicts.cjs');

const ROOT = '/api/data/v9.2/';

verdicts(process.argv[2], (request) => {
  if (!request.path.startsWith(ROOT)) {
    throw new Error(`not below ${ROOT}`);
  }
  // Links to a next page and to what changed are asked for as the server gave them. Of their tokens the grammar says no more than
  // `1*(qchar-no-AMP)`, and the parser less than that.
  const options = request.query.split('&').filter((option) => !/^\$(skip|delta)token=[^&#]+$/.test(option));
  const url = request.path.slice(ROOT.length) + (options[0] ? `?${options.join('&')}` : '');
  defaultParser.odataUri(url);
});
