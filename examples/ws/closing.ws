# Ends: a code of our own comes back. Payloads from a file, and of several lines.

connect wss://{{host}}/ws
> @order.json
< json $.order.lines[1].sku == "B-2"
close 4000 that was all
< close 4000

connect wss://{{host}}/ws
# A text of several lines.
> ```json
{
  "lines": "are kept as they are"
}
```
< json $.lines exists
close
< close 1000
