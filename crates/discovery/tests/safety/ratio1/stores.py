eval = 1
del open
for dir in []: pass
with x as vars: pass
(locals := 1)
[0 for globals in []]
