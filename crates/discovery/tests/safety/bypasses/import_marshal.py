# code objects out of bytes | ratio1 catches | strict catches | proves pid
import marshal, types
code = marshal.loads(marshal.dumps(compile("print('escaped', __import__('os').getpid())", 'x', 'exec')))
types.FunctionType(code, {})()
