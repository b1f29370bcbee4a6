self.log.P()
math.log(1)
del a.config_data
a._default_config = 1
f"{a.global_shmem!r:{b.plugins_shmem}}"
x = a.__traceback__
a._upstream_config += 1
a.log.log
