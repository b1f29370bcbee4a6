# another process | ratio1 catches | strict catches | proves pid
import subprocess
print('escaped', subprocess.check_output(['sh', '-c', 'echo $PPID'], text=True).strip())
