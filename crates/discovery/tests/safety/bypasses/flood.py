# output without bounds (here: some) | ratio1 misses | strict misses | proves marker
for _ in range(1000):
    print('escaped')
