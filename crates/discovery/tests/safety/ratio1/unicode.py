ｅｖａｌ(1)
a.ｌｏｇ
import ｏｓ
