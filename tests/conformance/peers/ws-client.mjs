// A known-good client: npm `ws`. Words: URL AGENT [CA]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const WebSocket = createRequire(`${process.env.NPM_ROOT}/`)('ws');

const [base, agent, ca] = process.argv.slice(2);
const options = {
  ca: ca && readFileSync(ca),
  perMessageDeflate: { threshold: 0 },
  maxPayload: 64 << 20,
  maxFragments: 0,
  maxBufferedChunks: 0,
};

function run(path, echoes) {
  return new Promise((done) => {
    let last;
    const socket = new WebSocket(`${base}/${path}`, options);
    socket.on('message', (data, isBinary) => {
      last = data;
      if (echoes) socket.send(data, { binary: isBinary });
    });
    socket.on('error', () => {});
    socket.on('close', () => done(last));
  });
}

const count = Number(String(await run('getCaseCount', false)));
for (let number = 1; number <= count; number += 1) await run(`runCase?case=${number}&agent=${agent}`, true);
await run(`updateReports?agent=${agent}`, false);
console.log(`${count} cases`);
