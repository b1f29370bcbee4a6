"eval(open)"
x: "exec"
