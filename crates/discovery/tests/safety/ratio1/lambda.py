lambda eval=exec, *dir: open
