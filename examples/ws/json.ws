# Messages that are JSON: what is asked of them, and what is kept for later.

var user = ali
connect wss://{{host}}/ws

> {"type": "order", "id": 17, "by": "{{user}}", "lines": [{"sku": "A-1", "count": 2}, {"sku": "B-2", "count": 1}]}

< json $.type == "order"
& json $.id > 10
& json $.by == "{{user}}"
& json $.lines[0].count == 2
& json $.lines[-1].sku matches /^B-(?<number>[0-9]+)$/
& json $.discount missing
& json $.id as order

> {"confirm": {{order}}, "second": "{{number}}"}
< {"confirm": 17, "second": "2"}
