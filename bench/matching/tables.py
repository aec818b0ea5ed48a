"""Built-in tables: countries, nationalities, populations, Faker locales, nicknames, keyboard."""

# Country names as OFAC writes them in its remarks (casefolded) -> ISO 3166 alpha-3.
_COUNTRY_TEXT = """
afghanistan AFG|albania ALB|algeria DZA|angola AGO|argentina ARG|armenia ARM|australia AUS|austria AUT|azerbaijan AZE
bahamas BHS|bahamas, the BHS|bahrain BHR|bangladesh BGD|barbados BRB|belarus BLR|belgium BEL|belize BLZ|benin BEN
bolivia BOL|bosnia and herzegovina BIH|bosnia-herzegovina BIH|bosina-herzegovina BIH|bosnia BIH|botswana BWA|brazil BRA
bulgaria BGR|burkina faso BFA|burma MMR|burundi BDI|cabo verde CPV|cambodia KHM|cameroon CMR|canada CAN|cayman islands CYM
central african republic CAF|central african republic, the CAF|chad TCD|chile CHL|china CHN|colombia COL|comoros COM
comoros islands COM|congo, democratic republic of the COD|democratic republic of the congo COD|drc COD
congo, republic of the COG|costa rica CRI|cote d ivoire CIV|cote d'ivoire CIV|croatia HRV|cuba CUB|cyprus CYP
czech republic CZE|democratic people's republic of korea PRK|denmark DNK|djibouti DJI|dominica DMA|dominican republic DOM
dprk PRK|ecuador ECU|egypt EGY|el salvador SLV|england GBR|equatorial guinea GNQ|eritrea ERI|eritrean ERI|estonia EST
ethiopia ETH|finland FIN|france FRA|gabon GAB|gambia GMB|the gambia GMB|gaza PSE|gaza strip PSE|georgia GEO|germany DEU
ghana GHA|gibraltar GIB|greece GRC|grenada GRD|guatemala GTM|guinea GIN|guinea-bissau GNB|guyana GUY|haiti HTI|honduras HND
hong kong HKG|hungary HUN|iceland ISL|india IND|indonesia IDN|iran IRN|iraq IRQ|ireland IRL|israel ISR|italy ITA
ivory coast CIV|jamaica JAM|japan JPN|jordan JOR|kazakhstan KAZ|kenya KEN|korea, north PRK|north korea PRK|korea, south KOR
south korea KOR|kosovo XKX|kuwait KWT|kyrgyzstan KGZ|laos LAO|latvia LVA|lebanon LBN|liberia LBR|libya LBY|liechtenstein LIE
lithuania LTU|luxembourg LUX|macau MAC|macedonia MKD|macedonia, the former yugoslav republic of MKD|north macedonia MKD
north macedonia, the republic of MKD|madagascar MDG|malawi MWI|malaysia MYS|maldives MDV|mali MLI|malta MLT
marshall islands MHL|mauritania MRT|mauritius MUS|mexico MEX|moldova MDA|monaco MCO|mongolia MNG|montenegro MNE|morocco MAR
mozambique MOZ|namibia NAM|nepal NPL|netherlands NLD|the netherlands NLD|netherlands antilles ANT|new zealand NZL
nicaragua NIC|niger NER|nigeria NGA|norway NOR|oman OMN|pakistan PAK|palestine PSE|palestinian PSE
palestinian territories PSE|palestinian authority PSE|panama PAN|paraguay PRY|peru PER|philippines PHL|the philippines PHL
phillipines PHL|poland POL|portugal PRT|qatar QAT|region: gaza PSE|region: crimea UKR|crimea UKR|romania ROU|russia RUS
russian federation RUS|the russian federation RUS|rwanda RWA|saint kitts and nevis KNA|st kitts and nevis KNA
saint vincent and the grenadines VCT|samoa WSM|san marino SMR|saudi arabia SAU|scotland GBR|senegal SEN|serbia SRB
seychelles SYC|sierra leone SLE|singapore SGP|slovakia SVK|slovenia SVN|somalia SOM|south africa ZAF|south sudan SSD
spain ESP|sri lanka LKA|sudan SDN|suriname SUR|swaziland SWZ|sweden SWE|switzerland CHE|syria SYR|taiwan TWN|tajikistan TJK
tanzania TZA|thailand THA|togo TGO|trinidad and tobago TTO|tunisia TUN|turkey TUR|turkmenistan TKM|uganda UGA|uk GBR
ukraine UKR|united arab emirates ARE|united kingdom GBR|united states USA|usa USA|uruguay URY|uzbekistan UZB|vanuatu VUT
venezuela VEN|vietnam VNM|virgin islands, british VGB|west bank PSE|western sahara ESH|yemen YEM|zambia ZMB|zimbabwe ZWE
"""
COUNTRIES = {}
for _item in _COUNTRY_TEXT.strip().replace("\n", "|").split("|"):
    _name, _code = _item.rsplit(" ", 1)
    COUNTRIES[_name] = _code

# Nationality words of the corpus -> alpha-3. Nationalities of peoples without one state of their own are given the state
# most of their bearers in the corpus belong to (Basque, Catalan, Tamil, Tibetan, ...).
_NATIONALITY_TEXT = """
American USA|English GBR|British GBR|German DEU|French FRA|Australian AUS|Canadian CAN|Italian ITA|Indian IND|Russian RUS
Japanese JPN|Dutch NLD|Norwegian NOR|Irish IRL|Brazilian BRA|Chinese CHN|Austrian AUT|Argentine ARG|Mexican MEX|Belgian BEL
Korean KOR|Czech CZE|Hungarian HUN|Romanian ROU|Ukrainian UKR|Greek GRC|Welsh GBR|Israeli ISR|Iranian IRN|Portuguese PRT
Nigerian NGA|Filipino PHL|Bulgarian BGR|Pakistani PAK|Slovak SVK|Chilean CHL|Indonesian IDN|Egyptian EGY|Thai THA
Colombian COL|Malaysian MYS|Belarusian BLR|Uruguayan URY|Albanian ALB|Ghanaian GHA|Estonian EST|Lithuanian LTU|Taiwanese TWN
Cuban CUB|Venezuelan VEN|Catalan ESP|Latvian LVA|Bangladeshi BGD|Kenyan KEN|Armenian ARM|Algerian DZA|Dominican DOM
Peruvian PER|Saudi SAU|Moroccan MAR|Jamaican JAM|Tamil IND|Azerbaijani AZE|Singaporean SGP|Vietnamese VNM|Iraqi IRQ
Lebanese LBN|Macedonian MKD|Tunisian TUN|Ugandan UGA|Syrian SYR|Cameroonian CMR|Cypriot CYP|Paraguayan PRY|Moldovan MDA
Basque ESP|Montenegrin MNE|Burmese MMR|Ecuadorian ECU|Senegalese SEN|Afghan AFG|Nepalese NPL|Ethiopian ETH|Maltese MLT
Bolivian BOL|Tanzanian TZA|Emirati ARE|Samoan WSM|Namibian NAM|Guinean GIN|Guatemalan GTM|Haitian HTI|Qatari QAT
Palestinian PSE|Zambian ZMB|Salvadoran SLV|Mongolian MNG|Angolan AGO|Honduran HND|Jordanian JOR|Panamanian PAN|Tongan TON
Kuwaiti KWT|Malian MLI|Barbadian BRB|Cambodian KHM|Guyanese GUY|Sudanese SDN|Yemeni YEM|Liberian LBR|Burkinabé BFA
Nicaraguan NIC|Faroese FRO|Libyan LBY|Bermudian BMU|Rwandan RWA|Tibetan CHN|Mauritian MUS|Georgian GEO|Botswana BWA
Bahraini BHR|Bahamian BHS|Malagasy MDG|Gambian GMB|Malawian MWI|Togolese TGO|Mozambican MOZ|Surinamese SUR|Beninese BEN
Sammarinese SMR|Omani OMN|Equatoguinean GNQ|Andorran AND|Gabonese GAB|Maldivian MDV|Manx IMN|Belizean BLZ|Bhutanese BTN
Nigerien NER|Burundian BDI|Grenadian GRD|Chadian TCD|Eritrean ERI|Breton FRA|Vanuatuan VUT|Somali SOM|Bruneian BRN|Swazi SWZ
Gibraltarian GIB|Mauritanian MRT|Aruban ABW|Slovene SVN|Bosniak BIH|Turk TUR|Syriac SYR|Finn FIN|Tuvaluan TUV|Uzbek UZB
Tajik TJK|Comorian COM|Djiboutian DJI|Sotho LSO|Serb SRB|I-Kiribati KIR|Congolese COD|Palauan PLW|Dane DNK|Nauruan NRU
Marshallese MHL|Lao LAO|Kazakh KAZ|Kyrgyz KGZ|Vincentian VCT|Pole POL|Croat HRV|Tobagonian TTO
"""
NATIONALITIES = dict(item.rsplit(" ", 1) for item in _NATIONALITY_TEXT.strip().replace("\n", "|").split("|"))

# Millions of inhabitants, about 2022: innocents are drawn with the square root as weight.
_POPULATION_TEXT = """
CHN 1412 IND 1417 USA 333 IDN 275 PAK 236 NGA 219 BRA 215 BGD 171 RUS 144 MEX 127 JPN 125 ETH 123 PHL 116 EGY 111 COD 99
VNM 98 IRN 89 TUR 85 DEU 84 THA 72 GBR 67 TZA 65 FRA 66 ITA 59 KEN 54 MMR 54 COL 52 KOR 52 UGA 47 SDN 47 ESP 48 ARG 46 DZA 45
IRQ 44 AFG 41 POL 37 CAN 39 MAR 37 SAU 36 UKR 38 AGO 36 UZB 36 YEM 34 PER 34 MYS 34 GHA 33 MOZ 33 NPL 31 MDG 30 VEN 28 CMR 28
AUS 26 NER 26 TWN 23 MLI 23 SYR 22 BFA 23 KAZ 20 CHL 20 ROU 19 MWI 20 ZMB 20 GTM 17 ECU 18 NLD 18 SEN 17 KHM 17 TCD 18 SOM 18
GIN 14 RWA 14 BEN 13 TUN 12 BOL 12 BEL 12 HTI 12 JOR 11 CUB 11 DOM 11 CZE 11 GRC 10 PRT 10 AZE 10 HUN 10 ISR 10 ARE 9 BLR 9
AUT 9 TGO 9 BGR 6 SRB 7 LBN 5 LBY 7 PRY 7 NIC 7 KGZ 7 SLV 6 SGP 6 DNK 6 FIN 6 NOR 5 SVK 5 IRL 5 LBR 5 PSE 5 KWT 4 GEO 4 HRV 4
PAN 4 ALB 3 ARM 3 LTU 3 JAM 3 QAT 3 MDA 3 MKD 2 LVA 2 EST 1 CYP 1 MNE 1
"""
_words = _POPULATION_TEXT.split()
POPULATIONS = {code: int(number) for code, number in zip(_words[::2], _words[1::2])}

# Faker locales that give names in Latin letters, with a country each.
LATIN_LOCALES = {
    "cs_CZ": "CZE", "da_DK": "DNK", "de_AT": "AUT", "de_CH": "CHE", "de_DE": "DEU", "en_GB": "GBR", "en_IE": "IRL",
    "en_IN": "IND", "en_KE": "KEN", "en_NG": "NGA", "en_NZ": "NZL", "en_PK": "PAK", "en_TH": "THA", "en_US": "USA",
    "es_AR": "ARG", "es_CL": "CHL", "es_CO": "COL", "es_ES": "ESP", "es_MX": "MEX", "et_EE": "EST", "fi_FI": "FIN",
    "fr_BE": "BEL", "fr_CA": "CAN", "fr_DZ": "DZA", "fr_FR": "FRA", "ha_NG": "NGA", "hr_HR": "HRV", "hu_HU": "HUN",
    "id_ID": "IDN", "is_IS": "ISL", "it_IT": "ITA", "lt_LT": "LTU", "lv_LV": "LVA", "nl_BE": "BEL", "nl_NL": "NLD",
    "no_NO": "NOR", "pl_PL": "POL", "pt_BR": "BRA", "pt_PT": "PRT", "ro_RO": "ROU", "sk_SK": "SVK", "sl_SI": "SVN",
    "sv_SE": "SWE", "sw": "TZA", "tr_TR": "TUR", "tw_GH": "GHA", "uz_UZ": "UZB", "yo_NG": "NGA", "zu_ZA": "ZAF",
    "az_AZ": "AZE", "ig_NG": "NGA",
}

# Faker locales that give names in their own script: (script, origin, country).
SCRIPT_LOCALES = {
    "ar_AA": ("Arab", "arabic", "EGY"), "ar_PS": ("Arab", "arabic", "PSE"), "ar_SA": ("Arab", "arabic", "SAU"),
    "ar_DZ": ("Arab", "arabic", "DZA"), "fa_IR": ("Arab", "persian", "IRN"), "ru_RU": ("Cyrl", "russian", "RUS"),
    "uk_UA": ("Cyrl", "ukrainian", "UKR"), "bg_BG": ("Cyrl", "bulgarian", "BGR"), "el_GR": ("Grek", "greek", "GRC"),
    "he_IL": ("Hebr", "israeli", "ISR"), "hi_IN": ("Deva", "indian", "IND"), "ja_JP": ("Hani", "japanese", "JPN"),
    "ko_KR": ("Hang", "korean", "KOR"), "th_TH": ("Thai", "thai", "THA"), "zh_CN": ("Hani", "chinese", "CHN"),
    "zh_TW": ("Hani", "chinese", "TWN"), "ka_GE": ("Geor", "georgian", "GEO"), "hy_AM": ("Armn", "armenian", "ARM"),
}

# One given name a line group: the full name first, then its short and pet forms.
_NICKNAME_TEXT = """
william bill billy will willie|robert bob bobby rob robbie|richard dick rick ricky richie|james jim jimmy jamie|john jack johnny
michael mike mick mickey|thomas tom tommy|charles charlie chuck|edward ed eddie ted|joseph joe joey|david dave davey
daniel dan danny|matthew matt|anthony tony|christopher chris kit|andrew andy drew|stephen steve|steven steve|kenneth ken kenny
ronald ron ronnie|donald don donnie|lawrence larry|gerald gerry jerry|samuel sam sammy|benjamin ben benny|gregory greg
timothy tim timmy|frederick fred freddie|nicholas nick nicky|peter pete|philip phil|patrick pat paddy|walter walt wally
henry hank harry|arthur art artie|albert al bert|alexander alex sandy sasha|leonard len lenny|raymond ray|eugene gene
theodore ted teddy|jonathan jon|jeffrey jeff|geoffrey geoff|douglas doug|stanley stan|zachary zach|nathaniel nate nat
elizabeth liz beth betty lizzie|margaret maggie peggy meg|katherine kate kathy katie|catherine cathy cate|susan sue susie
patricia pat patty tricia|jennifer jen jenny|barbara barb babs|deborah deb debbie|rebecca becky|victoria vicky|christine chris
judith judy|virginia ginny|dorothy dot dolly|jacqueline jackie|pamela pam|cynthia cindy|sandra sandy|teresa terry tess
francisco paco pancho curro kiko|jose pepe chepe|josé pepe chepe|jesus chuy chucho|ignacio nacho|guillermo memo|enrique quique kike
eduardo lalo edu|alejandro alex jandro|luis lucho|manuel manolo manny|rafael rafa|roberto beto|alberto beto|gilberto beto
gustavo tavo|gerardo lalo|antonio tono toño|fernando nando fer|hernando nando|salvador chava|vicente chente|sergio checo
gabriel gabi|santiago santi chago|mercedes meche|dolores lola|guadalupe lupe lupita|rosario charo|concepcion concha|isabel isa chabela
maria mari maruja|teresa tere|pilar pili|consuelo chelo|rodrigo rodri|ramon moncho|humberto beto|alfonso poncho|pedro perico|juan juancho
aleksandr sasha shura|alexandr sasha|aleksei alyosha lyosha|alexei alyosha|aleksey lyosha|dmitry dima mitya|dmitri dima mitya|dmitriy dima
mikhail misha|ivan vanya|nikolai kolya|nikolay kolya|sergei seryozha|sergey seryozha|vladimir volodya vova|yevgeny zhenya|evgeny zhenya
yuri yura|yuriy yura|pavel pasha|konstantin kostya|viktor vitya|anatoly tolya|andrei andryusha|andrey andryusha|vasily vasya|grigory grisha
boris borya|leonid lyonya|maxim max|maksim maks|oleg olezhka|roman roma|stanislav stas slava|vyacheslav slava|yaroslav slava|igor gosha
ekaterina katya|yekaterina katya|natalia natasha|natalya natasha|tatiana tanya|tatyana tanya|yelena lena|elena lena|olga olya|irina ira
anastasia nastya|svetlana sveta|ludmila lyuda|lyudmila lyuda|galina galya|maria masha|anna anya|sofia sonya|ksenia ksyusha|yulia yulya
"""
NICKNAMES = {}
for _group in _NICKNAME_TEXT.strip().replace("\n", "|").split("|"):
    _full, *_short = _group.split()
    for _nick in _short:
        NICKNAMES.setdefault(_full, []).append(_nick)
        NICKNAMES.setdefault(_nick, []).append(_full)

KEYBOARD = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl", "p": "ol",
    "a": "qsz", "s": "adwx", "d": "sfec", "f": "dgrv", "g": "fhtb", "h": "gjyn", "j": "hkum", "k": "jlio", "l": "kop",
    "z": "axs", "x": "zcsd", "c": "xvdf", "v": "cbfg", "b": "vngh", "n": "bmhj", "m": "njk",
}

# What optical reading takes for one another.
OCR = [("0", "O"), ("O", "0"), ("o", "0"), ("l", "1"), ("I", "1"), ("I", "l"), ("i", "1"), ("l", "I"), ("S", "5"), ("s", "5"),
       ("B", "8"), ("rn", "m"), ("m", "rn"), ("cl", "d"), ("d", "cl"), ("vv", "w"), ("w", "vv"), ("W", "VV"), ("RN", "M")]

# Where a Latin-letter name comes from, roughly, by country; other countries are "other".
_ORIGIN_TEXT = """
arabic EGY SYR IRQ LBN SAU MAR DZA TUN LBY YEM JOR PSE SDN KWT BHR QAT ARE OMN|persian IRN AFG TJK|urdu PAK
russian RUS BLR KAZ KGZ|ukrainian UKR|balkan SRB BIH MNE HRV SVN MKD BGR XKX ALB|chinese CHN TWN HKG MAC|korean PRK KOR
japanese JPN|indian IND BGD NPL LKA|turkic TUR AZE UZB TKM|burmese MMR|southeast-asian IDN MYS PHL VNM THA KHM
spanish MEX COL VEN CUB NIC GTM HND PAN PER ECU ARG CHL BOL PRY URY DOM SLV CRI ESP|english USA GBR IRL AUS CAN NZL
african NGA GHA KEN UGA TZA ZWE ZMB SSD COD RWA BDI CAF SOM ETH ERI MLI SEN CMR BFA NER TCD AGO MOZ ZAF LBR SLE GMB
european FRA DEU ITA NLD BEL AUT CHE PRT POL CZE SVK HUN ROU GRC SWE NOR DNK FIN EST LVA LTU MDA
"""
ORIGIN_OF = {}
for _line in _ORIGIN_TEXT.strip().replace("\n", "|").split("|"):
    _origin, *_codes = _line.split()
    ORIGIN_OF.update((_code, _origin) for _code in _codes)
