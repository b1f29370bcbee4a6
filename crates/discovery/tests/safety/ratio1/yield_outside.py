yield 1
await x
break
