x = (a
 .b
 .log
 .c
)
y = [
 eval,
  (
  open)]
