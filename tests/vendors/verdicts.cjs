// What the judges in JavaScript share: requests come in a file, and for each a verdict goes out, null or what is wrong with it.

const fs = require('node:fs');

/** Calls `judge` with each request of the file; what it throws is the verdict. */
exports.verdicts = async function (file, judge) {
  const all = [];
  for (const request of JSON.parse(fs.readFileSync(file, 'utf8'))) {
    try {
      await judge(request);
      all.push(null);
    } catch (error) {
      all.push(String(error.message ?? error).slice(0, 500));
    }
  }
  console.log(JSON.stringify(all));
};

/** The parameters of a query as they were sent, in their order. */
exports.parameters = (request) => [...new URLSearchParams(request.query)];
