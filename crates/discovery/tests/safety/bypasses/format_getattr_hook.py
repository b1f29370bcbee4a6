# objects caught by a format string | ratio1 misses | strict catches | proves marker
kept = []

class Catch:
    def __getitem__(self, key):
        kept.append(key)
        return self

'{0[secret]}'.format(Catch())
print('escaped', *kept)
