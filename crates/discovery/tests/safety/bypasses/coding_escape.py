# code hidden in a comment by an encoding of escapes | ratio1 catches | strict catches | proves pid | coding: unicode_escape
# \nprint('escaped', __import__('os').getpid())
