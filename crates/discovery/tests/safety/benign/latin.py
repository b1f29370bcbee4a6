# -*- coding: latin-1 -*-
GREETING = "grüß"
