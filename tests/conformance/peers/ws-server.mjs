// A known-good server: npm `ws`, with what the suite needs allowed. NODE_PATH does not count for modules: NPM_ROOT does.
import { createRequire } from 'node:module';
const { WebSocketServer } = createRequire(`${process.env.NPM_ROOT}/`)('ws');

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: { threshold: 0 },
  maxPayload: 64 << 20,
  // The cases 9.3 and 9.4 send 65,537 fragments; by default it stops at 16,384.
  maxFragments: 0,
  maxBufferedChunks: 0,
});
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => {});
});
server.on('listening', () => console.log(`listening on ws://127.0.0.1:${server.address().port}`));
