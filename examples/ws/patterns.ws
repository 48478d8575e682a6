# Expressions, their groups, and messages that are passed over.

timeout 2s
connect wss://{{host}}/ws

> session=4f7a; expires in 30 minutes
< /session=(?<session>[0-9a-f]+); expires in (?<minutes>\d+)/
> {{session}} {{minutes}}
< 4f7a 30

# The first two are of no interest here.
> tick 1
> tick 2
> done after {{minutes}}
<* /^DONE AFTER {{minutes}}$/i

# Nothing more comes.
< nothing 100ms
