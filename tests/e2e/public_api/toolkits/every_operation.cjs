// Reads the WSDL, makes the calls that come as JSON on stdin, and prints what each one answered.
// argv: the WSDL's URL, and the port. In: [["operation", {"element": value}], ...]. Out: [[result word, outs], ...].
const soap = require("soap");

async function main(url, port) {
  const calls = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const client = await soap.createClientAsync(url, { forceSoap12Headers: port === "APISoap12" });
  const operations = client.API[port];
  const answers = [];
  for (const [name, given] of calls) {
    const answer = await new Promise((done, fail) =>
      operations[name](given, (error, result) => (error ? fail(error) : done(result))),
    );
    const { [`${name}Result`]: word, ...outs } = answer;
    answers.push([word, outs]);
  }
  console.log(JSON.stringify(answers));
}

main(process.argv[2], process.argv[3]).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
