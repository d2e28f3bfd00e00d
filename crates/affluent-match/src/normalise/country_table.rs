//! Countries of ISO 3166-1: alpha-2, alpha-3, English and French short name; and other spellings in use.

/// One country a line: alpha-2|alpha-3|English|French.
pub(super) const COUNTRIES: &str = "
AD|AND|Andorra|Andorre
AE|ARE|United Arab Emirates|Émirats arabes unis
AF|AFG|Afghanistan|Afghanistan
AG|ATG|Antigua and Barbuda|Antigua-et-Barbuda
AI|AIA|Anguilla|Anguilla
AL|ALB|Albania|Albanie
AM|ARM|Armenia|Arménie
AO|AGO|Angola|Angola
AQ|ATA|Antarctica|Antarctique
AR|ARG|Argentina|Argentine
AS|ASM|American Samoa|Samoa américaines
AT|AUT|Austria|Autriche
AU|AUS|Australia|Australie
AW|ABW|Aruba|Aruba
AX|ALA|Åland Islands|Îles Åland
AZ|AZE|Azerbaijan|Azerbaïdjan
BA|BIH|Bosnia and Herzegovina|Bosnie-Herzégovine
BB|BRB|Barbados|Barbade
BD|BGD|Bangladesh|Bangladesh
BE|BEL|Belgium|Belgique
BF|BFA|Burkina Faso|Burkina Faso
BG|BGR|Bulgaria|Bulgarie
BH|BHR|Bahrain|Bahreïn
BI|BDI|Burundi|Burundi
BJ|BEN|Benin|Bénin
BL|BLM|Saint Barthélemy|Saint-Barthélemy
BM|BMU|Bermuda|Bermudes
BN|BRN|Brunei Darussalam|Brunéi Darussalam
BO|BOL|Bolivia|Bolivie
BQ|BES|Bonaire, Sint Eustatius and Saba|Bonaire, Saint-Eustache et Saba
BR|BRA|Brazil|Brésil
BS|BHS|Bahamas|Bahamas
BT|BTN|Bhutan|Bhoutan
BV|BVT|Bouvet Island|Île Bouvet
BW|BWA|Botswana|Botswana
BY|BLR|Belarus|Bélarus
BZ|BLZ|Belize|Belize
CA|CAN|Canada|Canada
CC|CCK|Cocos (Keeling) Islands|Îles Cocos
CD|COD|Democratic Republic of the Congo|République démocratique du Congo
CF|CAF|Central African Republic|République centrafricaine
CG|COG|Congo|Congo
CH|CHE|Switzerland|Suisse
CI|CIV|Côte d'Ivoire|Côte d'Ivoire
CK|COK|Cook Islands|Îles Cook
CL|CHL|Chile|Chili
CM|CMR|Cameroon|Cameroun
CN|CHN|China|Chine
CO|COL|Colombia|Colombie
CR|CRI|Costa Rica|Costa Rica
CU|CUB|Cuba|Cuba
CV|CPV|Cabo Verde|Cabo Verde
CW|CUW|Curaçao|Curaçao
CX|CXR|Christmas Island|Île Christmas
CY|CYP|Cyprus|Chypre
CZ|CZE|Czechia|Tchéquie
DE|DEU|Germany|Allemagne
DJ|DJI|Djibouti|Djibouti
DK|DNK|Denmark|Danemark
DM|DMA|Dominica|Dominique
DO|DOM|Dominican Republic|République dominicaine
DZ|DZA|Algeria|Algérie
EC|ECU|Ecuador|Équateur
EE|EST|Estonia|Estonie
EG|EGY|Egypt|Égypte
EH|ESH|Western Sahara|Sahara occidental
ER|ERI|Eritrea|Érythrée
ES|ESP|Spain|Espagne
ET|ETH|Ethiopia|Éthiopie
FI|FIN|Finland|Finlande
FJ|FJI|Fiji|Fidji
FK|FLK|Falkland Islands|Îles Malouines
FM|FSM|Micronesia|Micronésie
FO|FRO|Faroe Islands|Îles Féroé
FR|FRA|France|France
GA|GAB|Gabon|Gabon
GB|GBR|United Kingdom|Royaume-Uni
GD|GRD|Grenada|Grenade
GE|GEO|Georgia|Géorgie
GF|GUF|French Guiana|Guyane française
GG|GGY|Guernsey|Guernesey
GH|GHA|Ghana|Ghana
GI|GIB|Gibraltar|Gibraltar
GL|GRL|Greenland|Groenland
GM|GMB|Gambia|Gambie
GN|GIN|Guinea|Guinée
GP|GLP|Guadeloupe|Guadeloupe
GQ|GNQ|Equatorial Guinea|Guinée équatoriale
GR|GRC|Greece|Grèce
GS|SGS|South Georgia and the South Sandwich Islands|Géorgie du Sud et les îles Sandwich du Sud
GT|GTM|Guatemala|Guatemala
GU|GUM|Guam|Guam
GW|GNB|Guinea-Bissau|Guinée-Bissau
GY|GUY|Guyana|Guyana
HK|HKG|Hong Kong|Hong-Kong
HM|HMD|Heard Island and McDonald Islands|Îles Heard et McDonald
HN|HND|Honduras|Honduras
HR|HRV|Croatia|Croatie
HT|HTI|Haiti|Haïti
HU|HUN|Hungary|Hongrie
ID|IDN|Indonesia|Indonésie
IE|IRL|Ireland|Irlande
IL|ISR|Israel|Israël
IM|IMN|Isle of Man|Île de Man
IN|IND|India|Inde
IO|IOT|British Indian Ocean Territory|Territoire britannique de l'océan Indien
IQ|IRQ|Iraq|Irak
IR|IRN|Iran|Iran
IS|ISL|Iceland|Islande
IT|ITA|Italy|Italie
JE|JEY|Jersey|Jersey
JM|JAM|Jamaica|Jamaïque
JO|JOR|Jordan|Jordanie
JP|JPN|Japan|Japon
KE|KEN|Kenya|Kenya
KG|KGZ|Kyrgyzstan|Kirghizistan
KH|KHM|Cambodia|Cambodge
KI|KIR|Kiribati|Kiribati
KM|COM|Comoros|Comores
KN|KNA|Saint Kitts and Nevis|Saint-Christophe-et-Niévès
KP|PRK|North Korea|Corée du Nord
KR|KOR|South Korea|Corée du Sud
KW|KWT|Kuwait|Koweït
KY|CYM|Cayman Islands|Îles Caïmans
KZ|KAZ|Kazakhstan|Kazakhstan
LA|LAO|Laos|Laos
LB|LBN|Lebanon|Liban
LC|LCA|Saint Lucia|Sainte-Lucie
LI|LIE|Liechtenstein|Liechtenstein
LK|LKA|Sri Lanka|Sri Lanka
LR|LBR|Liberia|Libéria
LS|LSO|Lesotho|Lesotho
LT|LTU|Lithuania|Lituanie
LU|LUX|Luxembourg|Luxembourg
LV|LVA|Latvia|Lettonie
LY|LBY|Libya|Libye
MA|MAR|Morocco|Maroc
MC|MCO|Monaco|Monaco
MD|MDA|Moldova|Moldavie
ME|MNE|Montenegro|Monténégro
MF|MAF|Saint Martin|Saint-Martin
MG|MDG|Madagascar|Madagascar
MH|MHL|Marshall Islands|Îles Marshall
MK|MKD|North Macedonia|Macédoine du Nord
ML|MLI|Mali|Mali
MM|MMR|Myanmar|Birmanie
MN|MNG|Mongolia|Mongolie
MO|MAC|Macao|Macao
MP|MNP|Northern Mariana Islands|Îles Mariannes du Nord
MQ|MTQ|Martinique|Martinique
MR|MRT|Mauritania|Mauritanie
MS|MSR|Montserrat|Montserrat
MT|MLT|Malta|Malte
MU|MUS|Mauritius|Maurice
MV|MDV|Maldives|Maldives
MW|MWI|Malawi|Malawi
MX|MEX|Mexico|Mexique
MY|MYS|Malaysia|Malaisie
MZ|MOZ|Mozambique|Mozambique
NA|NAM|Namibia|Namibie
NC|NCL|New Caledonia|Nouvelle-Calédonie
NE|NER|Niger|Niger
NF|NFK|Norfolk Island|Île Norfolk
NG|NGA|Nigeria|Nigéria
NI|NIC|Nicaragua|Nicaragua
NL|NLD|Netherlands|Pays-Bas
NO|NOR|Norway|Norvège
NP|NPL|Nepal|Népal
NR|NRU|Nauru|Nauru
NU|NIU|Niue|Niue
NZ|NZL|New Zealand|Nouvelle-Zélande
OM|OMN|Oman|Oman
PA|PAN|Panama|Panama
PE|PER|Peru|Pérou
PF|PYF|French Polynesia|Polynésie française
PG|PNG|Papua New Guinea|Papouasie-Nouvelle-Guinée
PH|PHL|Philippines|Philippines
PK|PAK|Pakistan|Pakistan
PL|POL|Poland|Pologne
PM|SPM|Saint Pierre and Miquelon|Saint-Pierre-et-Miquelon
PN|PCN|Pitcairn|Pitcairn
PR|PRI|Puerto Rico|Porto Rico
PS|PSE|Palestine|Palestine
PT|PRT|Portugal|Portugal
PW|PLW|Palau|Palaos
PY|PRY|Paraguay|Paraguay
QA|QAT|Qatar|Qatar
RE|REU|Réunion|La Réunion
RO|ROU|Romania|Roumanie
RS|SRB|Serbia|Serbie
RU|RUS|Russian Federation|Russie
RW|RWA|Rwanda|Rwanda
SA|SAU|Saudi Arabia|Arabie saoudite
SB|SLB|Solomon Islands|Îles Salomon
SC|SYC|Seychelles|Seychelles
SD|SDN|Sudan|Soudan
SE|SWE|Sweden|Suède
SG|SGP|Singapore|Singapour
SH|SHN|Saint Helena, Ascension and Tristan da Cunha|Sainte-Hélène, Ascension et Tristan da Cunha
SI|SVN|Slovenia|Slovénie
SJ|SJM|Svalbard and Jan Mayen|Svalbard et Jan Mayen
SK|SVK|Slovakia|Slovaquie
SL|SLE|Sierra Leone|Sierra Leone
SM|SMR|San Marino|Saint-Marin
SN|SEN|Senegal|Sénégal
SO|SOM|Somalia|Somalie
SR|SUR|Suriname|Suriname
SS|SSD|South Sudan|Soudan du Sud
ST|STP|Sao Tome and Principe|Sao Tomé-et-Principe
SV|SLV|El Salvador|Salvador
SX|SXM|Sint Maarten|Saint-Martin (partie néerlandaise)
SY|SYR|Syria|Syrie
SZ|SWZ|Eswatini|Eswatini
TC|TCA|Turks and Caicos Islands|Îles Turques-et-Caïques
TD|TCD|Chad|Tchad
TF|ATF|French Southern Territories|Terres australes françaises
TG|TGO|Togo|Togo
TH|THA|Thailand|Thaïlande
TJ|TJK|Tajikistan|Tadjikistan
TK|TKL|Tokelau|Tokelau
TL|TLS|Timor-Leste|Timor oriental
TM|TKM|Turkmenistan|Turkménistan
TN|TUN|Tunisia|Tunisie
TO|TON|Tonga|Tonga
TR|TUR|Türkiye|Turquie
TT|TTO|Trinidad and Tobago|Trinité-et-Tobago
TV|TUV|Tuvalu|Tuvalu
TW|TWN|Taiwan|Taïwan
TZ|TZA|Tanzania|Tanzanie
UA|UKR|Ukraine|Ukraine
UG|UGA|Uganda|Ouganda
UM|UMI|United States Minor Outlying Islands|Îles mineures éloignées des États-Unis
US|USA|United States|États-Unis
UY|URY|Uruguay|Uruguay
UZ|UZB|Uzbekistan|Ouzbékistan
VA|VAT|Holy See|Saint-Siège
VC|VCT|Saint Vincent and the Grenadines|Saint-Vincent-et-les-Grenadines
VE|VEN|Venezuela|Venezuela
VG|VGB|British Virgin Islands|Îles Vierges britanniques
VI|VIR|U.S. Virgin Islands|Îles Vierges des États-Unis
VN|VNM|Viet Nam|Viêt Nam
VU|VUT|Vanuatu|Vanuatu
WF|WLF|Wallis and Futuna|Wallis-et-Futuna
WS|WSM|Samoa|Samoa
YE|YEM|Yemen|Yémen
YT|MYT|Mayotte|Mayotte
ZA|ZAF|South Africa|Afrique du Sud
ZM|ZMB|Zambia|Zambie
ZW|ZWE|Zimbabwe|Zimbabwe
";

/// Other spellings in use: alpha-2, then as many as there are.
pub(super) const ALIASES: &str = "
AE|UAE|Émirats
AT|Österreich
BE|België|Belgien
BO|Bolivia (Plurinational State of)
BY|Biélorussie
BN|Brunei
CD|DR Congo|RDC|Congo (Kinshasa)
CG|Republic of the Congo|République du Congo|Congo (Brazzaville)
CH|Schweiz|Svizzera|Confédération helvétique
CI|Ivory Coast
CN|People's Republic of China
CV|Cape Verde|Cap-Vert
CZ|Czech Republic|République tchèque
DE|Deutschland
DK|Danmark
ES|España
FR|République française|France métropolitaine|Frankreich
GB|UK|U.K.|Great Britain|Grande-Bretagne|England|Angleterre|Scotland|Écosse|Wales|Pays de Galles|Northern Ireland|Irlande du Nord
GF|Guyane
GR|Hellas|EL
HK|Hong Kong SAR
IR|Iran (Islamic Republic of)
IT|Italia
KR|Korea|Republic of Korea|Corée
LA|Lao People's Democratic Republic
MD|Republic of Moldova
MK|Macedonia|Macédoine
MM|Burma
NL|Holland|Hollande|Nederland
PL|Polska
PS|State of Palestine
RE|Reunion Island|Île de la Réunion
RU|Russia|Fédération de Russie
SE|Sverige
SV|Le Salvador
SZ|Swaziland
SY|Syrian Arab Republic
TL|East Timor
TR|Turkey
TZ|United Republic of Tanzania
US|U.S.A.|U.S.|United States of America|États-Unis d'Amérique|America|Amérique
VA|Vatican
VN|Vietnam
";
