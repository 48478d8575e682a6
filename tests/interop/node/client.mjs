// npm `ws` as a client: sends each message of the talk, compares what comes back, closes. Words: one JSON object:
//   { url, ca, terms, talk: [{ text } | { base64 }], close: [code, reason] }
import { readFileSync } from 'node:fs';
import WebSocket from 'ws';

const wanted = JSON.parse(readFileSync(0, 'utf8'));
const talk = wanted.talk.map((one) => (one.text === undefined ? Buffer.from(one.base64, 'base64') : one.text));
const socket = new WebSocket(wanted.url, {
  ca: wanted.ca && readFileSync(wanted.ca),
  perMessageDeflate: wanted.terms && { threshold: 0, ...wanted.terms },
});
const said = { echoes: [], extensions: null };
const next = () => {
  const at = said.echoes.length;
  if (at < talk.length) socket.send(talk[at]);
  else socket.close(...wanted.close);
};
socket.on('open', () => {
  said.extensions = socket.extensions;
  next();
});
socket.on('message', (data, isBinary) => {
  const sent = talk[said.echoes.length];
  said.echoes.push(isBinary === Buffer.isBuffer(sent) && Buffer.from(sent).equals(data));
  next();
});
socket.on('error', (error) => (said.error = String(error)));
socket.on('close', (code, reason) => console.log(JSON.stringify({ ...said, code, reason: String(reason) })));
