// cast - two clay-style people. View 1 Mia, 2 Jonas, 3 Mia full figure.
// One unit is about 10 cm of figure; the head is large, as in a toy.
#version 3.7;
#include "shapes.inc"
#declare Grid = 13; #declare Adapt = 1;
#include "lights.inc"
#include "materials.inc"

// clay: soft sheen, faint finger-smoothed surface
#macro M_Clay(C) material { texture { pigment { rgb C }
    normal { bumps 0.06 scale 0.55 }
    finish { diffuse 0.86 specular 0.09 roughness 0.09 reflection { 0, 0.16 fresnel on } conserve_energy } } interior { I_Solid } } #end
// knitwear: fine vertical ribs
#macro M_Knit(C) material { texture { pigment { rgb C }
    normal { average normal_map { [1 gradient x 0.5 sine_wave scale 0.16] [1 gradient y 0.25 sine_wave scale 0.12] } }
    finish { diffuse 0.9 } } } #end
#declare M_Ink = material { texture { pigment { rgb <0.022, 0.016, 0.014> } finish { F_Gloss } } interior { I_Solid } }

// Face on a head centred at the origin, radius about 1.5, facing -z.
#macro Face(Skin, Blush, Brow)
  union {
    sphere { 0, 1.5 scale <1, 1.08, 0.98> M_Clay(Skin) }
    #for (S, -1, 1, 2)
      sphere { 0, 0.3 scale <0.5, 1, 0.75> translate <S*1.5, -0.12, 0.05> M_Clay(Skin*0.97) }   // ears
      union { // eyes
        sphere { 0, 0.17 scale <0.86, 1.12, 0.6> material { M_Ink } }
        sphere { <-0.05, 0.08, -0.1>, 0.042 texture { pigment { rgb 1 } finish { diffuse 0.5 emission 0.5*K } } }
        translate <S*0.54, 0.10, -1.40> }
      sphere { 0, 0.3 scale <1, 0.72, 0.3> rotate y*-S*30 translate <S*0.84, -0.42, -1.22> M_Clay(Blush) } // cheeks
      object { // brows
        #local BP = array[5] { <S*0.36, 0.53, -1.43>, <S*0.46, 0.585, -1.40>, <S*0.57, 0.605, -1.365>, <S*0.68, 0.585, -1.32>, <S*0.78, 0.53, -1.27> };
        #local BR = array[5] { 0.05, 0.06, 0.064, 0.06, 0.045 };
        Sausage(BP, BR, z, 6, 12) M_Clay(Brow) }
    #end
    sphere { 0, 0.21 scale <0.95, 0.85, 0.9> translate <0, -0.22, -1.54> M_Clay(Skin*<1, 0.95, 0.93>) } // nose
    object { // smile
      #local SP = array[5] { <-0.38, -0.58, -1.325>, <-0.21, -0.71, -1.315>, <0, -0.76, -1.31>, <0.21, -0.71, -1.315>, <0.38, -0.58, -1.325> };
      #local SR = array[5] { 0.045, 0.052, 0.055, 0.052, 0.045 };
      Sausage(SP, SR, z, 6, 12) M_Clay(<0.36, 0.07, 0.06>) }
  }
#end

// ---- Mia: auburn bun, mustard jumper, denim dungarees ------------------
#declare SkinM = <0.82, 0.47, 0.31>;
#declare HairM = <0.24, 0.065, 0.025>;
#declare Mustard = <0.76, 0.40, 0.06>;
#declare Denim = <0.075, 0.155, 0.27>;

#declare MiaHead = union {
  Face(SkinM, <0.86, 0.36, 0.28>, HairM)
  // cap of hair: cut on a slant so that it frames the forehead
  difference {
    sphere { 0, 1.66 scale <1.03, 1.08, 1.02> }
    plane { y, 0.0 rotate x*40 translate <0, 0.62, -0.35> }
    M_Clay(HairM) }
  // fringe swept to both sides
  #for (S, -1, 1, 2)
    object {
      #local FP = array[4] { <S*0.05, 1.42, -1.08>, <S*0.66, 1.24, -1.12>, <S*1.26, 0.70, -0.86>, <S*1.52, -0.25, -0.35> };
      #local FR = array[4] { 0.26, 0.33, 0.31, 0.12 };
      Sausage(FP, FR, z, 8, 24) M_Clay(HairM) }
  #end
  sphere { 0, 0.78 scale <1, 0.92, 1> translate <0, 2.2, 0.35> M_Clay(HairM) }      // bun
  torus { 0.5, 0.13 rotate x*8 translate <0, 1.66, 0.2> M_Clay(Mustard) }          // hair tie
  #for (S, -1, 1, 2) sphere { <S*1.53, -0.52, 0>, 0.12 material { M_Brass } } #end // ear studs
}
#declare MiaTorsoP = array[7] { <0,0,0>, <1.45,0,0.3>, <1.6,0.8,0.8>, <1.32,2.3,1.0>, <1.28,3.3,0.9>, <0.5,3.85,0.4>, <0,3.9,0> };
#declare MiaBibP = array[6] { <0,-0.05,0>, <1.52,-0.05,0.3>, <1.70,0.8,0.8>, <1.42,2.2,0.5>, <1.35,2.55,0.05>, <0,2.55,0> };
#macro Arm(S, A, B, C, D, Sleeve, Skin)
  union {
    #local AP = array[4] { A, B, C, D };
    #local AR = array[4] { 0.50, 0.50, 0.44, 0.40 };
    object { Sausage(AP, AR, z, 10, 32) M_Knit(Sleeve) }
    #local AD = vnormalize(D-C);
    object { #local CP = array[2] { D-AD*0.05, D+AD*0.22 }; #local CR = array[2] { 0.45, 0.45 }; Sausage(CP, CR, z, 2, 32) M_Knit(Sleeve*0.92) scale 1 }
    sphere { D+AD*0.62, 0.40 M_Clay(Skin) }
    sphere { 0, 0.17 scale <1, 1.5, 1> rotate z*S*30 translate D+AD*0.5+<-S*0.30, 0.22, -0.12> M_Clay(Skin) }
  }
#end
#declare MiaBody = union {
  object { Turned(MiaTorsoP, 96) M_Knit(Mustard) scale <1, 1, 0.80> }
  torus { 0.56, 0.20 translate y*3.86 M_Knit(Mustard*0.95) }                       // collar
  cylinder { <0, 3.6, 0>, <0, 4.5, 0>, 0.5 M_Clay(SkinM*0.97) }
  // dungarees
  difference { object { Turned(MiaBibP, 96) scale <1, 1, 0.82> } 
    box { <-3, 0.95, 0.2>, <3, 5, 3> }
    M_Clay(Denim) }
  #for (S, -1, 1, 2)
    object { // straps
      #local TP = array[5] { <S*0.78, 2.3, -1.02>, <S*0.76, 3.0, -0.98>, <S*0.74, 3.55, -0.55>, <S*0.72, 3.7, 0.0>, <S*0.6, 3.2, 0.8> };
      #local TR = array[5] { 0.10, 0.10, 0.10, 0.10, 0.10 };
      Tube(TP, TR, 2.3, x, 8, 24) M_Clay(Denim*1.1) }
    sphere { 0, 0.16 scale <1, 1, 0.5> translate <S*0.78, 2.3, -1.16> material { M_Brass } }
  #end
  object { RBox(<-0.5, 1.1, -1.56>, <0.5, 1.9, -1.2>, 0.1) rotate x*4 M_Clay(Denim*1.25) } // pocket
}
#declare MiaArms = union {
  Arm(-1, <-1.2, 3.15, 0>, <-1.95, 2.3, -0.1>, <-2.35, 1.7, -0.3>, <-1.75, 1.15, -0.95>, Mustard, SkinM)
  Arm( 1, < 1.2, 3.15, 0>, < 2.1, 2.5, -0.2>, < 2.65, 2.6, -0.7>, < 2.75, 3.5, -1.0>, Mustard, SkinM)   // waving
}
#declare MiaLegs = union {
  #for (S, -1, 1, 2)
    object { #local LP = array[4] { <S*0.72, 0.3, 0>, <S*0.76, -1.2, 0>, <S*0.78, -2.4, 0>, <S*0.8, -3.3, 0> };
      #local LR = array[4] { 0.80, 0.66, 0.58, 0.56 }; Tube(LP, LR, 1, z, 10, 40) M_Clay(Denim) }
    torus { 0.52, 0.14 translate <S*0.8, -3.3, 0> M_Clay(Denim*1.35) }             // turn-ups
    cylinder { <S*0.8, -3.2, 0>, <S*0.8, -4.0, 0>, 0.38 M_Clay(<0.85, 0.80, 0.72>) } // socks
    difference { sphere { 0, 0.78 scale <0.80, 0.72, 1.22> translate <S*0.84, -4.12, -0.30> }
      plane { y, -4.32 } M_Clay(<0.60, 0.13, 0.08>) }                               // shoes
    object { RBox(<-0.62, -0.3, -0.98>, <0.62, 0, 0.94>, 0.14) scale <1, 1, 1> translate <S*0.84, -4.24, -0.30> M_Clay(<0.88, 0.83, 0.75>) }
  #end
}
#declare Mia = union {
  object { MiaBody } object { MiaArms }
  object { MiaHead rotate <3, -4, -4> translate y*5.75 }
}

// ---- Jonas: dark curls, beard, green shirt, linen apron ----------------
#declare SkinJ = <0.44, 0.205, 0.11>;
#declare HairJ = <0.04, 0.026, 0.02>;
#declare Sage = <0.22, 0.34, 0.26>;
#declare Linen = <0.74, 0.64, 0.50>;
#declare JonasHead = union {
  Face(SkinJ, <0.47, 0.17, 0.11>, HairJ)
  // curls: balls spread evenly over the crown
  #for (I, 0, 120)
    #local Yc = 1-2*(I+0.5)/121; #local Rc = sqrt(1-Yc*Yc); #local Ac = I*2.399963;
    #local Q = <Rc*cos(Ac), Yc, Rc*sin(Ac)>;
    #if (Q.y > 0.52-0.62*max(0, Q.z+0.55) & Q.y > -0.25)
      sphere { Q*<1.50, 1.62, 1.48>, 0.36+0.05*sin(I*7) M_Clay(HairJ) }
    #end
  #end
  // beard: the same curls, smaller, along the jaw and clear of the mouth
  #for (I, 0, 330)
    #local Yc = 1-2*(I+0.5)/331; #local Rc = sqrt(1-Yc*Yc); #local Ac = I*2.399963;
    #local Q = <0, -0.5, -0.12> + <Rc*cos(Ac)*1.29, Yc*1.16, Rc*sin(Ac)*1.29>;
    #if (Q.y < -0.78+0.62*pow(abs(Q.x)/1.3, 2) & Q.z < 0.45 & vlength((Q-<0, -0.66, -1.36>)*<0.85, 1.25, 1>) > 0.44)
      sphere { Q, 0.17+0.02*sin(I*5) M_Clay(HairJ) }
    #end
  #end
  #for (S, -1, 1, 2) // round glasses
    torus { 0.40, 0.05 rotate x*90 rotate y*-S*12 translate <S*0.55, 0.10, -1.52> material { M_Brass } }
    object { #local GP = array[4] { <S*0.93, 0.14, -1.44>, <S*1.28, 0.15, -1.08>, <S*1.54, 0.16, -0.55>, <S*1.62, 0.14, 0> };
      #local GR = array[4] { 0.045, 0.045, 0.045, 0.045 };
      Sausage(GP, GR, y, 6, 12) material { M_Brass } }
  #end
  cylinder { <-0.17, 0.17, -1.60>, <0.17, 0.17, -1.60>, 0.045 material { M_Brass } }
}
#declare JTorsoP = array[7] { <0,0,0>, <1.6,0,0.3>, <1.72,0.8,0.8>, <1.62,2.3,1.0>, <1.55,3.4,1.0>, <0.55,3.95,0.4>, <0,4.0,0> };
#declare JApronP = array[6] { <0,-3,0>, <1.75,-3,0.3>, <1.80,0.8,0.8>, <1.70,2.3,0.4>, <1.66,2.7,0.05>, <0,2.7,0> };
#declare Jonas = union {
  object { Turned(JTorsoP, 96) M_Clay(Sage) scale <1, 1, 0.80> }
  cylinder { <0, 3.6, 0>, <0, 4.7, 0>, 0.56 M_Clay(SkinJ) }
  #for (S, -1, 1, 2) // shirt collar
    object { #local KP = array[3] { <S*0.62, 4.05, 0.2>, <S*0.52, 4.02, -0.55>, <S*0.16, 3.66, -0.98> }; #local KR = array[3] { 0.17, 0.2, 0.1 };
      Sausage(KP, KR, y, 8, 20) M_Clay(Sage*1.15) }
    object { #local TP = array[4] { <S*0.95, 2.6, -1.08>, <S*0.90, 3.2, -1.02>, <S*0.82, 3.75, -0.5>, <S*0.74, 3.9, 0.1> };
      #local TR = array[4] { 0.09, 0.09, 0.09, 0.09 };
      Tube(TP, TR, 2.2, x, 8, 24) M_Clay(Linen*0.9) }
  #end
  difference { object { Turned(JApronP, 96) scale <1, 1, 0.82> } box { <-3, -4, 0.15>, <3, 5, 3> } M_Clay(Linen) }
  Arm(-1, <-1.42, 3.3, 0>, <-2.25, 2.4, 0>, <-2.2, 1.4, -0.6>, <-1.45, 1.35, -1.55>, Sage, SkinJ)
  Arm( 1, < 1.42, 3.3, 0>, < 2.25, 2.4, 0>, < 2.3, 1.45, -0.4>, < 1.85, 1.05, -1.25>, Sage, SkinJ)
  // a mug in his hand
  union {
    #local JM = array[7] { <0,0,0>, <0.5,0,0.08>, <0.56,0.2,0.1>, <0.56,1.1,0.05>, <0.49,1.1,0.05>, <0.48,0.15,0.05>, <0,0.12,0> };
    object { Turned(JM, 64) }
    torus { 0.3, 0.085 rotate x*90 translate <0.6, 0.55, 0> }
    M_Gloss(<0.50, 0.125, 0.05>) rotate y*20 translate <-0.72, 1.0, -1.95> }
  object { JonasHead rotate <2, 6, 3> translate y*5.95 }
}

// ---- light background and camera ---------------------------------------
Studio(0.95)
// soft paper backdrop behind the figures
#if (View = 2) #declare Paper = <0.80, 0.86, 0.84>; #else #declare Paper = <0.93, 0.85, 0.77>; #end
union {
  plane { -z, -16 }
  plane { y, 0.01 }
  difference { box { <-300, 0, 8>, <300, 8, 17> } cylinder { <-301, 8, 8>, <301, 8, 8>, 8 } }
  texture { pigment { rgb Paper } finish { diffuse 0.72 emission 0.2*K } }
  no_reflection
}
#switch (View)
  #case (1) union { object { Mia } object { MiaLegs } rotate y*-8 translate y*4.54 } Shot(<0, 10, -46>, <0.22, 9.3, 0>, 9.1) #break
  #case (2) object { Jonas rotate y*8 translate y*4.54 } Shot(<0, 10, -46>, <0, 9.15, 0>, 8.9) #break
  #case (3) union { object { Mia } object { MiaLegs } rotate y*-10 translate y*4.54 } Shot(<0, 8, -56>, <0.15, 6.45, 0>, 11.6) #break
#end
