f() # type: ignored
