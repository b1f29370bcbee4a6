# code hidden in a comment by UTF-7 | ratio1 catches | strict catches | proves pid | coding: utf-7
# +AAo-print('escaped', __import__('os').getpid())
