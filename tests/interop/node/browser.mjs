// Chromium opens a page, and the page opens WebSockets. Words: one JSON object; prints another.
//   { executable, page, flags, sockets: [{ url, protocols, send: [{ text | octets | letters }], close: [code, reason] | null }] }
// Each socket is opened when the one before it is closed. What comes back is compared in the page.
import { chromium } from 'playwright-core';

const wanted = JSON.parse(process.argv[2]);
const browser = await chromium.launch({
  executablePath: wanted.executable,
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--ignore-certificate-errors', ...wanted.flags],
});
const handshakes = [];
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  devtools.on('Network.webSocketHandshakeResponseReceived', ({ response }) => handshakes.push(response.status));
  const answer = await page.goto(wanted.page);
  const sockets = await page.evaluate(talk, wanted.sockets);
  const protocol = await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol);
  console.log(JSON.stringify({ status: answer.status(), protocol, handshakes, sockets }));
} finally {
  await browser.close();
}

// Runs in the page.
async function talk(sockets) {
  const content = (one) => {
    if (one.text !== undefined) return one.text;
    if (one.letters !== undefined) return 'äb€'.repeat(one.letters / 3);
    return Uint8Array.from({ length: one.octets }, (_, at) => (at * 7) % 251);
  };
  const same = (sent, got) =>
    typeof sent === 'string'
      ? sent === got
      : got instanceof ArrayBuffer && sent.length === got.byteLength && new Uint8Array(got).every((o, at) => o === sent[at]);
  const one = (wanted) =>
    new Promise((done) => {
      const said = { opened: false, echoes: [], error: false };
      const socket = new WebSocket(wanted.url, wanted.protocols ?? []);
      socket.binaryType = 'arraybuffer';
      const sent = wanted.send.map(content);
      let at = 0;
      const next = () => {
        if (at < sent.length) socket.send(sent[at]);
        else if (wanted.close) socket.close(...wanted.close);
      };
      socket.onopen = () => {
        Object.assign(said, { opened: true, extensions: socket.extensions, subprotocol: socket.protocol });
        next();
      };
      socket.onmessage = ({ data }) => {
        said.echoes.push(same(sent[at], data));
        at += 1;
        next();
      };
      socket.onerror = () => (said.error = true);
      socket.onclose = ({ code, reason, wasClean }) => done({ ...said, code, reason, wasClean });
    });
  const all = [];
  for (const wanted of sockets) all.push(await one(wanted));
  return all;
}
