x = 1  #type:int
y = 2  ## type: z
z = 3 # a type: b
q = 1 #  type:	ignored
