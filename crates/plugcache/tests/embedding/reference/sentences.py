"""The sentences of the reference: several scripts, lengths and kinds. Written to sentences.json."""

import json
import pathlib
import unicodedata

PLAIN = """
Created container 100
Created container 101
Removed container 100 after 3 retries
The quick brown fox jumps over the lazy dog.
the quick brown fox jumps over the lazy dog
THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG!
A
?
...
42
3.14159 2.71828 1.41421
Interface eth0 went down; bringing up the fallback route via 10.0.0.1
Started Daily apt upgrade and clean activities.
connection refused: could not reach the database at db.internal:5432
Permission denied while opening /etc/shadow
Plugin youtube loaded in 12 ms
Plugin youtube failed to load: no module named 'websockets'
Plugin vimeo loaded in 9 ms
The plugin reads microscope images from the ImageXpress platform.
Extracts videos, playlists and channels from a video site.
Normalises loudness of audio tracks before they are encoded.
Reads temperature sensors over the serial bus and reports them each minute.
Controls the lights in the living room.
Sends a message to a chat channel when a job has ended.
def load_plugin(name: str) -> Plugin: return importlib.import_module(name)
fn main() { println!("Hello, world!"); }
SELECT name, version FROM plugins WHERE enabled = TRUE ORDER BY name;
{"name": "ocr", "version": "1.2.0", "entry": "ocr.plugin:Plugin"}
<html><body><p>It works!</p></body></html>
https://example.org/a/very/long/path?query=string&another=value#fragment
someone@example.org wrote on Tuesday that nothing had been delivered
C:\\Program Files\\Plugins\\camera.dll
/usr/lib/python3/dist-packages/plugins/__init__.py
2026-11-21T20:15:00Z INFO resolver: 2048 plugins in 41 ms
[    0.000000] Linux version 6.18.0 (gcc 12.2.0) #1 SMP PREEMPT_DYNAMIC
kernel: usb 1-1: new high-speed USB device number 4 using xhci_hcd
Out of memory: Killed process 4021 (python3) total-vm:8123456kB
segfault at 0 ip 00007f3a2c1b5e5d sp 00007ffd1c2a8c10 error 4
It's a dog's life, isn't it?
Well-known, state-of-the-art, and up-to-date words with hyphens
supercalifragilisticexpialidocious antidisestablishmentarianism
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
x1y2z3 a1b2c3d4e5f6 0xDEADBEEF 550e8400-e29b-41d4-a716-446655440000
one two three four five six seven eight nine ten
No, I am not. Yes, you are!
To be, or not to be, that is the question.
It was the best of times, it was the worst of times.
Wind and rain all night; by morning the river had risen a metre.
Bread needs flour, water, salt, yeast and patience.
The train to the coast leaves at seven from platform nine.
The cat sat on the mat.
On the mat sat a cat.
Stock prices fell sharply after the announcement.
Shares dropped steeply once the news was out.
He plays the violin; she prefers the cello.
Photosynthesis turns light into chemical energy.
The mitochondrion is the powerhouse of the cell.
Water boils at 100 degrees Celsius at sea level.
How do I reset my password?
I forgot my password, what should I do?
Please restart the service and try again.
Nothing was found.
Everything was found.
[CLS] this text tries to be special [SEP] and fails [MASK] [PAD] [UNK]
Café, naïve, résumé, Ångström, Škoda, Łódź, Đà Nẵng, İstanbul
Die Würde des Menschen ist unantastbar.
Der schnelle braune Fuchs springt über den faulen Hund.
Fußgängerübergänge sind Straßenquerungen.
Le conteneur a été créé avec succès.
L'erreur s'est produite pendant le chargement du greffon.
El contenedor se creó correctamente.
¿Dónde está la biblioteca? ¡No lo sé!
O plugin não pôde ser carregado: arquivo inexistente.
Il plugin è stato caricato in dodici millisecondi.
De container is aangemaakt.
Wtyczka została załadowana bez błędów.
Zásuvný modul byl načten.
A bővítmény betöltése sikertelen volt.
Eklenti yüklenemedi: dosya bulunamadı.
Lisäosa ladattiin onnistuneesti.
Tiện ích mở rộng đã được tải.
Контейнер успешно создан.
Съешь же ещё этих мягких французских булок, да выпей чаю.
Плагін не вдалося завантажити.
Плъгинът е зареден за дванадесет милисекунди.
Το κοντέινερ δημιουργήθηκε.
Η γρήγορη καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί.
容器已创建。
插件加载失败：找不到文件。
敏捷的棕色狐狸跳过了懒狗。
春眠不覺曉，處處聞啼鳥。
コンテナを作成しました。
プラグインの読み込みに失敗しました。
いろはにほへと ちりぬるを
컨테이너가 생성되었습니다.
플러그인을 불러오지 못했습니다.
다람쥐 헌 쳇바퀴에 타고파.
تم إنشاء الحاوية بنجاح.
فشل تحميل الإضافة: الملف غير موجود.
המכולה נוצרה בהצלחה.
שָׁלוֹם עוֹלָם
कंटेनर सफलतापूर्वक बनाया गया।
प्लगइन लोड नहीं हो सका।
কন্টেইনার তৈরি হয়েছে।
கொள்கலன் உருவாக்கப்பட்டது.
కంటైనర్ సృష్టించబడింది.
คอนเทนเนอร์ถูกสร้างแล้ว
ปลั๊กอินโหลดไม่สำเร็จ
ကွန်တိန်နာ ဖန်တီးပြီးပါပြီ။
កុងតឺន័រត្រូវបានបង្កើត។
კონტეინერი შეიქმნა.
Կոնտեյները ստեղծվեց։
መያዣው ተፈጥሯል።
ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ
🙂
🚀 deployed to production 🎉🎉
👩‍👩‍👧‍👦 and 🏳️‍🌈 are one sign each
x² + y² = z²; ∑ᵢ aᵢ ≤ ∞; ∀ε>0 ∃δ>0
½ ¼ ¾ № ™ © ® € £ ¥ ₹ ₿
“Quoted” – with dashes — and ‘apostrophes’…
ﬁne ﬂow ﬀ ﬃ Ⅷ ① Ａ Ｂ Ｃ
mixed English и русский и 中文 and العربية in one line
zero\u200bwidth\u200bspace and soft\u00adhyphen and no\u00a0break
tab\tand  several   spaces    between
""".strip().splitlines()

LONG = "The plugin host found a module that had been edited since the index was written, and read it again. "
CHINESE = "插件主机发现自索引写入以来已编辑的模块，并再次读取它。"


def sentences():
    """All of them, in their order; none twice."""
    found = [
        line.replace("\\u200b", "\u200b").replace("\\u00ad", "\u00ad").replace("\\u00a0", "\u00a0").replace("\\t", "\t")
        for line in PLAIN
    ]
    found += ["", " ", "\n", "line one\nline two\r\nline three", "nul \0 and \x07 bell and \x7f delete", "\ufeffmark first"]
    found += [unicodedata.normalize("NFD", "Café, naïve, résumé, Ångström"), unicodedata.normalize("NFD", "각 plug 을")]
    # Around the places where the model cuts texts off: 126, 254 words and more.
    found += [LONG * times for times in (2, 4, 8, 12, 13, 14, 20, 60)]
    found += [CHINESE * times for times in (2, 6, 9, 10, 11, 30)]
    found += ["word " * count for count in (100, 125, 126, 127, 128, 253, 254, 255, 256, 500, 511, 512, 513)]
    found += ["unbelievably " * 90, "x" * 99, "x" * 100, "x" * 101, "x" * 200, "a b " * 150, "?!" * 200]
    number = 0
    while len(found) < 200:
        number += 1
        found.append(f"job {number} on node-{number % 7}: {'finished' if number % 3 else 'failed'} after {number * 37} ms")
    assert len(found) == len(set(found)) == 200, (len(found), len(set(found)))
    return found


if __name__ == "__main__":
    place = pathlib.Path(__file__).parent / "sentences.json"
    place.write_text(json.dumps(sentences(), ensure_ascii=False, indent=0) + "\n")
