# What a server says that opens no WebSocket can be what is expected.

connect wss://{{host}}/there-is-no-websocket-here
< status 200
< header content-type contains "json"

# The next connection is a new one.
connect wss://{{host}}/ws
  X-Request-Id: refused-1
< status 101
< header upgrade == "websocket"
> still here
< still here
