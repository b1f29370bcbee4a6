# SystemExit ends a host that does not expect it | ratio1 misses | strict misses | proves marker
print('escaped', flush=True)
raise SystemExit(0)
