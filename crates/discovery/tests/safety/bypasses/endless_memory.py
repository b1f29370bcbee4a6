# memory without bounds (here: some) | ratio1 misses | strict misses | proves marker
kept = bytearray(50_000_000)
print('escaped')
