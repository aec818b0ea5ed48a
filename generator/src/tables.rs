//! Components of names by origin, as data: common given names, and invented family names of head, root and end.

/// A component in Latin letters and in the origin's own script, which is empty where it is Latin or derived.
pub(crate) type Part = (&'static str, &'static str);

/// How the names of an origin are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Given, family.
    Plain,
    /// Two family names.
    Double,
    /// Family names in -ov, -ev or -in take an a for women; the script is derived.
    Slavic,
    /// The given name has two syllables; the family name goes first in the own script.
    Syllables,
}

/// An origin of names.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) form: Form,
    /// ISO 3166-1 alpha-3 of countries where such names are common.
    pub(crate) countries: &'static [&'static str],
    pub(crate) male: &'static [Part],
    pub(crate) female: &'static [Part],
    pub(crate) heads: &'static [Part],
    pub(crate) roots: &'static [Part],
    pub(crate) ends: &'static [Part],
}

macro_rules! latin {
    ($($text:literal)*) => { &[$(($text, "")),*] };
}

macro_rules! pairs {
    ($($text:literal $script:literal)*) => { &[$(($text, $script)),*] };
}

const NO_HEAD: &[Part] = latin![""];

/// The origins; the order and the content are part of what a seed means.
pub(crate) const ORIGINS: [Origin; 12] = [
    Origin {
        form: Form::Plain,
        countries: &["GBR", "USA", "CAN", "AUS", "NZL", "IRL"],
        male: latin!["Alan" "Brian" "Colin" "Derek" "Edward" "Frank" "Graham" "Howard" "Keith" "Leonard" "Martin" "Neil" "Oliver" "Philip" "Roger" "Stuart"],
        female: latin!["Alice" "Beth" "Carol" "Diane" "Eleanor" "Fiona" "Grace" "Helen" "Irene" "Janet" "Kate" "Lucy" "Moira" "Nancy" "Rose" "Sylvia"],
        heads: NO_HEAD,
        roots: latin!["Thorn" "Harrow" "Brack" "Elder" "Fen" "Marl" "Cald" "Pem" "Stave" "Whit" "Ock" "Tarn" "Lod" "Birk" "Garr" "Hex" "Drum" "Quill" "Sard" "Winter"],
        ends: latin!["wood" "ley" "combe" "shaw" "worth" "by" "stead" "ridge" "more" "well" "ham" "croft" "thorpe" "gate"],
    },
    Origin {
        form: Form::Double,
        countries: &["MEX", "COL", "VEN", "ESP", "ARG", "PER", "CUB"],
        male: latin!["Alejandro" "Bernardo" "Carlos" "Diego" "Emilio" "Fernando" "Gonzalo" "Hernán" "Ignacio" "Joaquín" "Leandro" "Matías" "Nicolás" "Óscar" "Rodrigo" "Sebastián"],
        female: latin!["Adriana" "Beatriz" "Carmen" "Dolores" "Elena" "Fátima" "Gabriela" "Inés" "Jimena" "Leticia" "Mariana" "Natalia" "Pilar" "Rocío" "Silvia" "Ximena"],
        heads: NO_HEAD,
        roots: latin!["Villa" "Monta" "Barre" "Quin" "Salda" "Cerva" "Alma" "Zuri" "Orte" "Peña" "Riba" "Casta" "Lumbre" "Tarra" "Enri" "Moli"],
        ends: latin!["nera" "ndejo" "renda" "garza" "rosa" "niega" "rero" "dilla" "yuela" "londo" "beña" "rrutia"],
    },
    Origin {
        form: Form::Plain,
        countries: &["SYR", "IRQ", "EGY", "YEM", "LBN", "SAU", "LBY", "TUN", "SDN"],
        male: pairs!["Khalid" "خالد" "Mohammed" "محمد" "Ahmad" "أحمد" "Yousef" "يوسف" "Omar" "عمر" "Hassan" "حسن" "Ibrahim" "إبراهيم" "Tariq" "طارق" "Mustafa" "مصطفى" "Abdullah" "عبدالله" "Faisal" "فيصل" "Nasser" "ناصر" "Samir" "سمير" "Walid" "وليد" "Jamal" "جمال" "Bilal" "بلال"],
        female: pairs!["Fatima" "فاطمة" "Layla" "ليلى" "Maryam" "مريم" "Noura" "نورة" "Samira" "سميرة" "Huda" "هدى" "Amina" "أمينة" "Zainab" "زينب" "Salma" "سلمى" "Rania" "رانيا" "Dalal" "دلال" "Khadija" "خديجة"],
        heads: pairs!["al-" "ال" "al-" "ال" "" ""],
        roots: pairs!["Harb" "حرب" "Zahr" "زهر" "Qasm" "قسم" "Rashd" "رشد" "Salm" "سلم" "Khatb" "خطب" "Nahd" "نهد" "Dahm" "دهم" "Sabr" "صبر" "Tarf" "طرف" "Makr" "مكر" "Juban" "جبان" "Husn" "حسن" "Fayd" "فيض" "Wadh" "وضح" "Ghurr" "غر"],
        ends: pairs!["ani" "اني" "awi" "اوي" "iri" "يري" "ouni" "وني" "adi" "ادي" "oubi" "وبي" "ali" "الي" "oush" "وش"],
    },
    Origin {
        form: Form::Slavic,
        countries: &["RUS", "UKR", "BLR", "BGR", "SRB"],
        male: latin!["Aleksandr" "Boris" "Dmitri" "Evgeny" "Fyodor" "Gennady" "Igor" "Kirill" "Leonid" "Mikhail" "Nikolai" "Oleg" "Pavel" "Ruslan" "Sergei" "Viktor" "Yuri" "Zakhar"],
        female: latin!["Alina" "Darya" "Ekaterina" "Galina" "Irina" "Ksenia" "Lyudmila" "Marina" "Nadezhda" "Olga" "Polina" "Svetlana" "Tatyana" "Vera" "Yulia" "Zoya"],
        heads: NO_HEAD,
        roots: latin!["Zhur" "Khlep" "Boro" "Verte" "Stolb" "Grush" "Lyub" "Mokh" "Tverd" "Chern" "Shel" "Yarm" "Pryad" "Kols" "Dubr" "Rast" "Ozer" "Glin"],
        ends: latin!["akov" "enko" "chuk" "ovin" "ilov" "yanko" "ushkin" "evsky" "anov" "etsov" "ishin" "orev"],
    },
    Origin {
        form: Form::Syllables,
        countries: &["CHN", "TWN", "HKG", "SGP"],
        male: pairs!["Wei" "伟" "Jian" "建" "Guo" "国" "Hao" "浩" "Ming" "明" "Qiang" "强" "Jun" "军" "Lei" "磊" "Tao" "涛" "Peng" "鹏" "Bo" "波" "Zhi" "志" "Yong" "勇" "Rui" "瑞" "Kang" "康" "Xiang" "祥"],
        female: pairs!["Li" "丽" "Mei" "美" "Fang" "芳" "Xiu" "秀" "Ying" "英" "Yan" "燕" "Hui" "慧" "Juan" "娟" "Lan" "兰" "Xia" "霞" "Jing" "静" "Qing" "青" "Yue" "月" "Shu" "淑" "Zhen" "珍" "Ling" "玲"],
        heads: NO_HEAD,
        roots: pairs!["Zhang" "张" "Wang" "王" "Liu" "刘" "Chen" "陈" "Zhao" "赵" "Huang" "黄" "Zhou" "周" "Xu" "徐" "Sun" "孙" "Guo" "郭" "Zheng" "郑" "Xie" "谢" "Deng" "邓" "Cao" "曹" "Feng" "冯" "Ouyang" "欧阳" "Shangguan" "上官" "Qiu" "邱" "Jiang" "蒋" "Tong" "佟"],
        ends: NO_HEAD,
    },
    Origin {
        form: Form::Syllables,
        countries: &["KOR", "PRK"],
        male: pairs!["Chol" "철" "Song" "성" "Myong" "명" "Il" "일" "Jun" "준" "Ho" "호" "Yong" "용" "Kwang" "광" "Min" "민" "Sok" "석" "Tae" "태" "Won" "원"],
        female: pairs!["Hye" "혜" "Suk" "숙" "Mi" "미" "Yon" "연" "Ran" "란" "Jong" "정" "Sun" "순" "Ok" "옥" "Un" "은" "Kyong" "경" "Hwa" "화" "Ae" "애"],
        heads: NO_HEAD,
        roots: pairs!["Kim" "김" "Pak" "박" "Ri" "리" "Choe" "최" "Chong" "정" "Kang" "강" "Cho" "조" "Yun" "윤" "Chang" "장" "Im" "임" "Han" "한" "O" "오" "So" "서" "Hwang" "황" "Namgung" "남궁" "Sonu" "선우"],
        ends: NO_HEAD,
    },
    Origin {
        form: Form::Plain,
        countries: &["IRN", "AFG", "TJK"],
        male: pairs!["Arash" "آرش" "Bahram" "بهرام" "Dariush" "داریوش" "Farhad" "فرهاد" "Hamid" "حمید" "Javad" "جواد" "Kamran" "کامران" "Mehdi" "مهدی" "Navid" "نوید" "Parviz" "پرویز" "Reza" "رضا" "Saeed" "سعید" "Vahid" "وحید" "Yasser" "یاسر"],
        female: pairs!["Azadeh" "آزاده" "Farzaneh" "فرزانه" "Golnaz" "گلناز" "Laleh" "لاله" "Mahsa" "مهسا" "Nasrin" "نسرین" "Parisa" "پریسا" "Roya" "رویا" "Shirin" "شیرین" "Zohreh" "زهره"],
        heads: NO_HEAD,
        roots: pairs!["Zar" "زر" "Far" "فر" "Mehr" "مهر" "Rost" "رست" "Kav" "کاو" "Bahr" "بهر" "Shah" "شاه" "Golz" "گلز" "Tavan" "توان" "Khor" "خور" "Negin" "نگین" "Dasht" "دشت"],
        ends: pairs!["andi" "ندی" "pour" "پور" "zadeh" "زاده" "inejad" "ینژاد" "abadi" "آبادی" "iyan" "یان" "manesh" "منش" "ifar" "یفر" "asbi" "اسبی" "oudi" "ودی"],
    },
    Origin {
        form: Form::Plain,
        countries: &["TUR", "CYP"],
        male: latin!["Ahmet" "Burak" "Cengiz" "Deniz" "Emre" "Fatih" "Gökhan" "Hakan" "İsmail" "Kemal" "Levent" "Murat" "Orhan" "Serkan" "Tolga" "Yusuf"],
        female: latin!["Aylin" "Burcu" "Ceyda" "Derya" "Elif" "Fidan" "Gülay" "Hatice" "Leyla" "Meltem" "Nilüfer" "Özlem" "Pınar" "Sibel" "Tuğba" "Zeynep"],
        heads: NO_HEAD,
        roots: latin!["Kara" "Ak" "Demir" "Yıl" "Öz" "Gün" "Taş" "Er" "Çel" "Boz" "Sar" "Kor" "Ulu" "Tan" "Bay" "Şim"],
        ends: latin!["oğlu" "soylu" "kaya" "hanlı" "taşer" "alpay" "türkmen" "bulut" "maz" "serim" "gürler" "doğan"],
    },
    Origin {
        form: Form::Plain,
        countries: &["NGA", "GHA", "BEN", "SEN", "MLI", "CIV"],
        male: latin!["Adewale" "Babatunde" "Chidi" "Emeka" "Femi" "Ikenna" "Kofi" "Kwame" "Mamadou" "Nnamdi" "Obinna" "Ousmane" "Segun" "Tunde" "Uche" "Yaw"],
        female: latin!["Abena" "Adaeze" "Aminata" "Bisi" "Chioma" "Efua" "Fatou" "Funmilayo" "Ifeoma" "Mariama" "Ngozi" "Oluchi" "Simisola" "Yewande"],
        heads: NO_HEAD,
        roots: latin!["Ade" "Olu" "Ogun" "Nwa" "Oko" "Ayo" "Ife" "Chuku" "Ama" "Bola" "Eze" "Udo" "Kone" "Dia"],
        ends: latin!["bayode" "walemi" "kanmisi" "chukwa" "tunjiro" "ladepo" "gbemiga" "nikewa" "feladi" "doziem" "mpah" "rassou"],
    },
    Origin {
        form: Form::Plain,
        countries: &["IND", "PAK", "BGD", "LKA", "NPL"],
        male: latin!["Anil" "Bharat" "Deepak" "Gopal" "Harish" "Kiran" "Lokesh" "Manoj" "Naresh" "Prakash" "Rajesh" "Sanjay" "Suresh" "Vijay" "Vinod" "Yogesh"],
        female: latin!["Anjali" "Bhavna" "Deepa" "Gita" "Kavita" "Lakshmi" "Meena" "Neha" "Pooja" "Radha" "Sarita" "Sunita" "Usha" "Vidya"],
        heads: NO_HEAD,
        roots: latin!["Vish" "Raja" "Chanda" "Soma" "Kali" "Deva" "Nara" "Bhatta" "Mukha" "Suri" "Gopa" "Trive" "Panda" "Jha"],
        ends: latin!["nathan" "pathy" "raman" "gupte" "warkar" "menath" "wani" "shetti" "rangan" "lapur" "dhara" "vedkar"],
    },
    Origin {
        form: Form::Plain,
        countries: &["FRA", "BEL", "CHE", "CAN"],
        male: latin!["Antoine" "Benoît" "Christophe" "Didier" "Étienne" "François" "Gérard" "Hervé" "Jérôme" "Laurent" "Mathieu" "Olivier" "Pascal" "Rémi" "Thierry" "Yves"],
        female: latin!["Agnès" "Brigitte" "Céline" "Delphine" "Élodie" "Florence" "Geneviève" "Hélène" "Isabelle" "Joëlle" "Léa" "Mireille" "Nathalie" "Odile" "Sandrine" "Véronique"],
        heads: latin!["" "" "" "de " "Le "],
        roots: latin!["Beau" "Mont" "Clair" "Valle" "Roche" "Champ" "Font" "Belle" "Gri" "Marche" "Sauve" "Lande"],
        ends: latin!["villard" "rigaud" "mézier" "sacq" "voisin" "neret" "logne" "ressière" "landet" "vigny" "touche" "ront"],
    },
    Origin {
        form: Form::Plain,
        countries: &["DEU", "AUT", "CHE", "NLD"],
        male: latin!["Andreas" "Bernd" "Christoph" "Dieter" "Ernst" "Florian" "Günter" "Holger" "Jürgen" "Karl" "Lothar" "Manfred" "Norbert" "Rainer" "Stefan" "Wolfgang"],
        female: latin!["Anke" "Birgit" "Claudia" "Dagmar" "Elke" "Friederike" "Gisela" "Heike" "Ingrid" "Jutta" "Karin" "Monika" "Petra" "Renate" "Sabine" "Ursula"],
        heads: latin!["" "" "" "" "von "],
        roots: latin!["Brand" "Eisen" "Hage" "Kling" "Mühl" "Ober" "Rosen" "Stein" "Wald" "Grün" "Lind" "Falken" "Schwarz" "Tannen"],
        ends: latin!["bacher" "hofer" "meister" "berger" "stätter" "mann" "horst" "felder" "rieder" "auer" "brück" "schläger"],
    },
];
