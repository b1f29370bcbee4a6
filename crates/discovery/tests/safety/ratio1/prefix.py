import jsonx
import json.decoder
from json.a.b import c
from jso import n
