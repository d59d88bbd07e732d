// Written by Tools/golden/unicode_scripts.py; do not edit.

extension UnicodeScript {
    /// Runs of equal script from U+0000 up: two letters for the number of the
    /// script (aa common, ab inherited, ac Han, ad Hiragana, ae Katakana, others by first appearance), then the length
    /// in base 32 (nothing for 1).
    static let runs: StaticString = """
        aa21afQaa6afQaa1FafaaFafaa5afNaaafVaaafE1aa17af5aa5ag2aaKab3Gah4aaah3ai2ah4aaahai4ahaaahaaah3ai\
        ahaiahKaiah1VajEahGak45ab2ak59aial16aial1Oaiam1Pai6amRai4am6aiBan5aaan6aaanEaaan3aaan10aaanAabB\
        anQaban3Caaan12aoEaiao1Sai2ao3an1Gap1IaiEaq1Rai2aq3ar1Eai2arFaiasSai2asaiaoBai5an12ai5an2BaaanT\
        at2Hab4atFaa2atQau4aiau8ai2au2ai2auMaiau7aiauai3au4ai2au9ai2au2ai2au4ai8auai4au2aiau5ai2auPai2\
        av3aiav6ai4av2ai2avMaiav7aiav2aiav2aiav2ai2avaiav5ai4av2ai2av3ai3avai7av4aiavai7avHaiAaw3aiaw9ai\
        aw3aiawMaiaw7aiaw2aiaw5ai2awAaiaw3aiaw3ai2awaiFaw4ai2awCai7aw7aiax3aiax8ai2ax2ai2axMaiax7aiax2ai\
        ax5ai2ax9ai2ax2ai2ax3ai5ax5ai4ax2aiax5ai2axIaiAay2aiay6ai3ay3aiay4ai3ay2aiayaiay2ai3ay2ai3ay3ai3\
        ayCai4ay5ai3ay3aiay4ai2ayai6ayaiEayLai5azDaiaz3aiazNaiazGai2az9aiaz3aiaz4ai7az2aiaz3aiaz2ai2az4\
        ai2azAai7az9baDaiba3aibaNaibaAaiba5ai2ba9aiba3aiba4ai7ba2ai5ba3aiba4ai2baAaiba3aiCbbDaibb3aibb1J\
        aibb3aibb6ai4bbGai2bbQaibc3aibcIai3bcOaibc9aibcai2bc7ai3bcai4bc6aibcaibc8ai6bcAai2bc3aiCbd1Qai4\
        aabdSai15be2aibeaibe5aibeOaibeaibeNai2be5aibeaibe7aibeAai2be4ai10bf28aibf14ai4bf17aibf14aibfFai\
        bf7aa4bf2ai15bg50bh16aibhai5bhai2bh1Baabh4bi80bj29aibj4ai2bj7aibjaibj4ai2bj19aibj4ai2bj11aibj4\
        ai2bj7aibjaibj4ai2bjFaibj1Paibj4ai2bj23ai2bj10ai3bjQai6bk2Mai2bk6ai2blK0bmTai3bn2Baa3bnBai7boM\
        ai9bobpLaa2ai9bqKaiCbrDaibr3aibr2aiCbs2Uai2bsAai6bsAai6bt2aa2btaabtKai6bt2Pai7bt1Bai5bl26aiAbuV\
        aibuCai4buCai4buai3buCbvUai2bv5aiBbw1Cai4bwQai6bwBai3bw2bs10bxSai2bx2by1VaibyTai2byBai6byAai6byE\
        ai2ab21aiFbz2Daibz1Ica20cb1Kai8cb4cc1Oai3ccFai3cc3cd1GakBai5bh1Bai2bh3ca8ai8ab3aaabDaaab7aa4ab\
        aa6abaa3ab2aaai5af16ah5akaf1Hah5af4ah5afDakaf26ahab20af80ahMai2ah6ai2ah16ai2ah6ai2ah8aiahaiahai\
        ahaiahVai2ah1LaiahFaiahEai2ah6aiahJai2ah3aiah9aiaaCab2aa2NaiaaBafai2aaBafaaGafGaa15aiBab11aiF\
        aa16ahaa3af2aa6afaaRafaaHaf19aa3ai4aaKQaiMaaBaiLaaT0ce80aaJKai2aa4Acf30af10aj3Kai5aj7bh16aibhai5\
        bhai2cg1Oai7cg2aiEcgbjNai9bj7aibj7aibj7aibj7aibj7aibj7aibj7aibj7aiak10aa2Uai2aa4aiSacQaiac2PaiC\
        ac6MaiQaaLacaaacaaPac9ab4bi2aa8ac4aa4aiad2Mai2ab2aa2ad3aaae2Qaa2ae3ai5ag1Baibi2UaiaaGag10aa16ai9\
        aaaeGbiVaiaa20biVaa2Hae1Faaae2Oaa58ac6E0aa20acKG0ch14Dai3ch1Nai9ci1Gcj9CaiKak30ck2Oai8aa12af36\
        aa3af2Jai4afaiEafFcl1Dai3aaAai6cm1Oai8cn26ai8cnCai6at10co1Eaacocp14aiBcpbiTai3cq2EaiaacqAai4cq2\
        bgVaicr1Nai9crEai2crAai2cr4bg10cs23aiOcs5ctNaiAbj6ai2bj6ai2bj6ai9bj7aibj7aiaf1Baaaf9ahaf4aa2af2\
        ai2bk2Gct1Eai2ctAai6biAT4aiCbiNai4bi1Hai884acBEai2ac3Aai16af7aiCal5ai5amQaiam5aiamaiam2aiam2ai\
        amAanFEaa2an4Gai10anGabGaaAai6abEak2aa13aiaaJaiaa4ai4an5aian47ai2aaaiaa10afQaa6afQaaBaeAaaae1D\
        aa2biVai3bi6ai2bi6ai2bi6ai2bi3ai3aa7aiaa7aiAaa5ai2cuCaicuQaicuJaicu2aicuFai2cuEai12cu3Rai5aa3ai4\
        aa1Dai3aa9ah2FaiaaDai3ahai1Faa1Dabai42cvTai3cw1HaiFabaaRai4cx14ai9cx3cyRai5cz1Bai5daUaidadb14ai4\
        dbEai1Adc2Gdd1GdeUai2deAai6df14ai4df14ai4dg18ai8dh1KaiBdhdiBaidiFaidi7aidi2aidiBaidiFaidi7aidi2\
        ai3dj1KaiCdk9Nai9dkMaiAdk8aiOaf6aiaf1AaiafEai20dl6ai2dlaidl1Caidl2ai3dlai2dldmMaidm9dn10doVai8\
        do9ai1GdpJaidp2ai5dp5dqSai3dqdrQai5drdsQai16dt10duOai4duKai2du1Edv4aidv2ai5dv8aidv3aidvTai2dv3\
        ai4dvAai7dv9ai7dw10dx10ai10dy17ai4dyCai9dz1Mai3dz7eaMai2ea8ebJai5eb8ecIai7ec4aiCec7ai2Ged29ai1N\
        ee1JaiDee1Jai7ee6ef18ai8efAai6eg16ai3egTai8eg2ai6GanVaieh1Aaieh3ai2eh2aiGan6aian16aianGei18ai8\
        ej1AaiMekQai16elSaiKemNai9en2Eai4en14ai9eneo23aiAeoai2epPai7epAai6eq1LaieqIai8er17ai9es30aibcK\
        aiBetIaiet1Fai1Ueu7aieuaieu4aieuFaieuBai6ev1Rai5evAai6ew4aiew8ai2ew2ai2ewMaiew7aiew2aiew5aiabew9\
        ai2ew2ai2ew3ai2ewai6ewai5ew7ai2ew7ai3ew5aiBexAaiexai2exaiex16aiexAaiexai2exaiex4aiexAaiex2ai8ex2\
        aiTey2Saiey5aiUez28ai8ezAai56fa1Mai2fa16ai12fb25aiBfbAai6btDaiJfc1Qai6fcAai6bgKaiSfdRai2fdFai4\
        fdNai5Pfe1Sai34ff2JaiCfffg7ai2fgai2fg8aifg2aifgUaifg2ai2fgCai9fgAai26fh8ai2fh1Eai2fhBaiRfi28ai8\
        fj2JaiDblGfk1Pai7atBai2Les8ai2Ofl12aiEflAai6fm9aifm1DaifmEaiAfmTai3fn10ai2fnMaifnEai29fo7aifo2ai\
        fo1Cai3foaifo2aifo9ai8foAai6fp6aifp2aifp15aifp2aifp6ai7fpAai6fq1Cai4fqAai6au2ai7EfrPai7fsHaifs19\
        ai3fsTai2LciaiFay1IaiDayftSQai36ftA4aiCft2Ofu54ft1Rai289fv33aiDfw12MaiAfw3SRai5fxI7ai6LPfy1Q\
        ai1M6ckHPai7fzVaifzAai4fz2ga2FaigaAai6gbUai2gb6aiAgc26aiAgcAaigc7aigcLai5gcJaiDGgd1Qai66ge2Rai5\
        gfPai2gfPai1Cgg2Bai4gg1Pai7ggHai20ghgiac2gjaiBac7ai9gh6O0gjERai14gjgh11ai2Vgh3JaiDgkSIaiEgk1J\
        ai7GTae4aiae7aiae2aiaead8Vae3adae5ai9adaiTad3ai2aeaiEae5ai7giCCai284gl3Bai5glDai3gl9ai7glAai2gl4\
        aa4ai3QSaa7Tai3aaDKai6aaNaiaa3ai8aa11ai2ab1Eai2abNai9aa3Kai1Saa7MaiAaa17ab2aa1Uab3aaHab8aa2ab7\
        aaUab4aa2Iah26aiAaaBab2aa15ai1UaaKaiCaaKaiCaa2Nai9aaPai47aa2Laiaa27aiaa2ai2aaai2aa2ai2aa4aiaaCai\
        aaaiaa7aiaa21aiaa4ai2aa8aiaa7aiaaSaiaa4aiaa5aiaaai3aa7aiaaALaiaa94ai2aa1IgmKCaiFgm5aigmFai2GaaT\
        aiV3af42aiEaf7ai1Maf16ah2afBcf7aicfHai2cf7aicf2aicf5ai5ak1Uai11akai3Ggn1Dai3gnEai2gnAai4gn2aiA0\
        goVaiHgp1Qai5gpaiEGgq1Aai6Mgr1Bai4grai60gsVaigsMai8gs2ai70bj7aibj4aibj2aibjFaigt65ai2gtGai19gu2C\
        ai4guAai4gu2aiOHaa24ai2Caa1Tai62an4aianRaian2aianai2anaianAaian4aianaianai6anai4anaianaianaian3\
        aian2aianai2anaianaianaianaianaian2aianai2an4aian7aian4aian4aianaianAaianHai5an3aian5aianHai1K\
        an2ai8Eaa1Cai4aa34aiCaaFai2aaFaiaaFaiaa15aiAaa5Fai1NaaQadaa2aiDaa1Cai4aa9ai7aa2aiEaa6ai4QaaUQai2\
        aaHai3aaDai3aa6Sai4aaCai4aaSai4aa1Oai8aaAai6aa18ai8aaUai2aaCai4aa2aiEaa9ai17aaAOai8aaEai2aaDai3\
        aa27aiaaai3aaIaiaaDai3aaCai5aa4Jaiaa37ai105ac19N0ai10ac48Vaiac5KEai2ac79HaiFacJEai2D2acGUai1F2\
        ac4QBai5ac89Aai16S6gvB20aiK0U1aaaiUaa30ai40ab7Gai5VGG
        """
}
