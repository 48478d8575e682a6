# What is said comes back: texts, octets, and pings.
#
#   gatepost serve                     prints its address, user and password
#   gatepost ws run examples/ws/*.ws --var host=localhost:8443 --ca CA_FILE --user demo

connect wss://{{host}}/ws
< status 101

> hello
< hello

>b 00 01 fe ff
<b 00 01 fe ff

# A backslash before it: the rest as it is, although it looks like something else.
> \@not-a-file
< \@not-a-file

ping are you there
< pong are you there

close 1000
< close 1000
