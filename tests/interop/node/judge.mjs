// npm `ws` as a server that judges a client by Autobahn's protocol, as judge.py does. Standard input: one JSON object:
//   { terms, cert, key, talk: [{ text } | { base64 }], codes: [number] }
// Prints `listening on URL`, and at the end of all a line of JSON.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { WebSocketServer } from 'ws';

const wanted = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const talk = wanted.talk.map((one) => (one.text === undefined ? Buffer.from(one.base64, 'base64') : one.text));
const http = wanted.cert
  ? createSecureServer({ cert: readFileSync(wanted.cert), key: readFileSync(wanted.key) })
  : createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: wanted.terms && { threshold: 0, ...wanted.terms } });
const verdicts = [];

server.on('connection', (socket, request) => {
  const url = new URL(request.url, 'http://localhost');
  socket.on('error', () => {});
  if (url.pathname === '/getCaseCount') {
    socket.send(String(wanted.codes.length));
    socket.close();
  } else if (url.pathname === '/runCase') {
    judge(socket, Number(url.searchParams.get('case')));
  } else {
    socket.close();
    console.log(JSON.stringify(verdicts));
  }
});
http.listen(0, '127.0.0.1', () => {
  const { port } = http.address();
  console.log(`listening on ${wanted.cert ? 'wss' : 'ws'}://127.0.0.1:${port}`);
});

function judge(socket, number) {
  const echoes = [];
  const next = () => {
    if (echoes.length < talk.length) socket.send(talk[echoes.length]);
    else socket.close(wanted.codes[number - 1], 'enough');
  };
  socket.on('message', (data, isBinary) => {
    const sent = talk[echoes.length];
    echoes.push(isBinary === Buffer.isBuffer(sent) && Buffer.from(sent).equals(data));
    next();
  });
  socket.on('close', (code) => verdicts.push({ number, echoes, extensions: socket.extensions, code }));
  next();
}
