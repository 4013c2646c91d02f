// Runs the code of CloudFront Functions: one JSON line {code, event} in, one JSON line out, which is what handler() returns.
const readline = require("node:readline");
const vm = require("node:vm");

const handlers = new Map();

function handlerOf(code) {
  if (!handlers.has(code)) handlers.set(code, vm.runInNewContext(`${code}\nhandler;`, {}));
  return handlers.get(code);
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const { code, event } = JSON.parse(line);
  let answer;
  try {
    answer = { result: await handlerOf(code)(event) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
